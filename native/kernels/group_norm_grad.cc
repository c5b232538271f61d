// The gradient of group normalization and ReLU in one, in closed form as in src/model/layers.ts: it
// reads the images twice and writes them once.
#include "group_norm_grad.h"

#include <algorithm>
#include <type_traits>

#include "group_norm.h"
#include "numeric.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// dy where the ReLU's argument is positive, else 0. Both are values, so that a loop loads dy whatever
// comes of it: behind a condition, 16-bit values would be loaded one by one.
BIT_INLINE float Passed(float dy, float argument) { return argument > 0 ? dy : 0.0f; }

// Adds to `sums` and `products`, float64 [channels], those of d and of d * x, where d is dy where
// the ReLU let x * scale + offset pass and else 0. `scratch` has room for 2 * channels.
template <typename T>
BIT_INLINE void AddGradientSums(const T* dy, const T* x, const ChannelRows& at, const GradientFactors& by,
                                float* scratch, double* sums, double* products) {
  const int64_t rows = at.rows, channels = at.channels;
  const float *scale = by.scale, *offset = by.offset;
  const int64_t ahead = RowsAhead<T>(channels) * channels;
  for (int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const int64_t end = std::min(rows, begin + kRowsAtOnce);
    float* s = scratch;
    float* p = scratch + channels;
    std::fill(scratch, scratch + 2 * channels, 0.0f);
    int64_t r = begin;
    for (; r + 2 <= end; r += 2) {
      const T *xa = x + r * channels, *xb = xa + channels;
      const T *da = dy + r * channels, *db = da + channels;
      FetchAhead(xa + ahead, 2 * channels);
      FetchAhead(da + ahead, 2 * channels);
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(xa[i]), vb = ToFloat(xb[i]);
        const float ga = Passed(ToFloat(da[i]), va * scale[i] + offset[i]);
        const float gb = Passed(ToFloat(db[i]), vb * scale[i] + offset[i]);
        s[i] += ga + gb;
        p[i] += ga * va + gb * vb;
      }
    }
    for (; r < end; r++) {
      const T *xa = x + r * channels, *da = dy + r * channels;
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(xa[i]);
        const float ga = Passed(ToFloat(da[i]), va * scale[i] + offset[i]);
        s[i] += ga;
        p[i] += ga * va;
      }
    }
    for (int64_t i = 0; i < channels; i++) sums[i] += s[i];
    for (int64_t i = 0; i < channels; i++) products[i] += p[i];
  }
}

// dx = d * scale + x * slope + constant, by channel, + plus if there is one. dx may be dy or x.
template <bool kPlus, typename T>
BIT_INLINE void ApplyGradient(const T* dy, const T* x, const T* plus, const ChannelRows& at,
                              const GradientFactors& by, T* dx) {
  const int64_t rows = at.rows, channels = at.channels;
  const float *scale = by.scale, *offset = by.offset, *slope = by.slope, *constant = by.constant;
  const int64_t ahead = RowsAhead<T>(channels) * channels;
  for (int64_t r = 0; r < rows; r++, dy += channels, x += channels, dx += channels) {
    if (kPlus) FetchAhead(plus + ahead, channels);
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; i++) {
      const float v = ToFloat(x[i]);
      const float d = Passed(ToFloat(dy[i]), v * scale[i] + offset[i]);
      const float value = d * scale[i] + (v * slope[i] + constant[i]);
      dx[i] = FromFloat<T>(kPlus ? value + ToFloat(plus[i]) : value);
    }
    if (kPlus) plus += channels;
  }
}

// The same under plain names, for each processor.
namespace anywhere {
#define BIT_GROUP_NORM_GRAD_FOR(T)                                                                                  \
  BIT_FOR_EACH_PROCESSOR void GradientSums(const T* dy, const T* x, const ChannelRows& at,                          \
                                           const GradientFactors& by, float* scratch, double* sums,                \
                                           double* products) {                                                     \
    AddGradientSums<T>(dy, x, at, by, scratch, sums, products);                                                     \
  }                                                                                                                 \
  BIT_FOR_EACH_PROCESSOR void Gradient(const T* dy, const T* x, const T* plus, const ChannelRows& at,               \
                                       const GradientFactors& by, T* dx) {                                          \
    if (plus == nullptr)                                                                                            \
      ApplyGradient<false, T>(dy, x, plus, at, by, dx);                                                             \
    else                                                                                                            \
      ApplyGradient<true, T>(dy, x, plus, at, by, dx);                                                              \
  }
BIT_GROUP_NORM_GRAD_FOR(float)
BIT_GROUP_NORM_GRAD_FOR(bfloat16)
#undef BIT_GROUP_NORM_GRAD_FOR
}  // namespace anywhere

template <typename T>
void GradientSums(const T* dy, const T* x, const ChannelRows& at, const GradientFactors& by, float* scratch,
                  double* sums, double* products) {
#ifdef BIT_HAS_X86
  if constexpr (std::is_same_v<T, bfloat16>)
    if (wide::Takes(at)) return wide::GradientSums(dy, x, at, by, scratch, sums, products);
#endif
  anywhere::GradientSums(dy, x, at, by, scratch, sums, products);
}

template <typename T>
void Gradient(const T* dy, const T* x, const T* plus, const ChannelRows& at, const GradientFactors& by, T* dx) {
#ifdef BIT_HAS_X86
  if constexpr (std::is_same_v<T, bfloat16>)
    if (wide::Takes(at)) return wide::Gradient(dy, x, plus, at, by, dx);
#endif
  anywhere::Gradient(dy, x, plus, at, by, dx);
}

template <typename T>
class GroupNormReluGrad {
 public:
  explicit GroupNormReluGrad(TF_OpKernelConstruction* construction)
      : groups_(IntAttr(construction, "groups")), addends_(IntAttr(construction, "N")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor dx(OutputInPlace(context, 0, {0, 1}, InputShape(context, 1)));
    const Tensor dy(Input(context, 0)), x(Input(context, 1)), gamma(Input(context, 2));
    const Tensor beta(Input(context, 3)), mean(Input(context, 4)), rstd(Input(context, 5));
    const Addend plus(context, 6, addends_, dx);
    const GroupLayout at(x, groups_);
    const int64_t c = at.channels;
    const Tensor dgamma(Output(context, 1, {c})), dbeta(Output(context, 2, {c}));
    std::vector<double> sums(at.images * at.parts * 2 * c);
    std::vector<float> factors(at.images * 4 * c);  // scale, offset, slope, constant
    std::vector<float> by_image(at.images * 2 * c);  // of gamma and beta
    const float *gammas = gamma.data<float>(), *betas = beta.data<float>();
    const float *means = mean.data<float>(), *deviations = rstd.data<float>();
    const T *from_dy = dy.data<T>(), *from_x = x.data<T>(), *added = plus.template data<T>();
    T* to = dx.data<T>();
    const auto prepare = [&](int64_t n) {
      Factors(n, at, gammas, betas, means, deviations, &factors[n * 4 * c]);
    };
    ParallelFor(at.images, prepare);
    const auto factors_of = [&](int64_t n) {
      const float* f = &factors[n * 4 * c];
      return GradientFactors{f, f + c, f + 2 * c, f + 3 * c};
    };
    const auto gradient_sums = [&](int64_t n, int64_t part) {
      std::vector<float> scratch(2 * c);
      double* s = &sums[(n * at.parts + part) * 2 * c];
      const int64_t begin = at.begin(part), first = (n * at.rows + begin) * c;
      GradientSums(from_dy + first, from_x + first, {at.begin(part + 1) - begin, c}, factors_of(n), scratch.data(), s,
                   s + c);
    };
    const auto join = [&](int64_t n) {
      double* s = &sums[n * at.parts * 2 * c];
      for (int64_t part = 1; part < at.parts; part++)
        for (int64_t i = 0; i < 2 * c; i++) s[i] += s[part * 2 * c + i];
      const double count = static_cast<double>(at.rows) * at.per_group;
      float* f = &factors[n * 4 * c];
      for (int64_t g = 0; g < groups_; g++) {
        const double mu = means[n * groups_ + g], r = deviations[n * groups_ + g];
        double m1 = 0, m2 = 0;
        for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
          const double normalized = (s[c + i] - mu * s[i]) * r;  // sum of d * xhat
          by_image[n * 2 * c + i] = static_cast<float>(normalized);
          by_image[n * 2 * c + c + i] = static_cast<float>(s[i]);
          m1 += gammas[i] * s[i];
          m2 += gammas[i] * normalized;
        }
        const double slope = -r * r * m2 / count;
        const double constant = -slope * mu - r * m1 / count;
        for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
          f[2 * c + i] = static_cast<float>(slope);
          f[3 * c + i] = static_cast<float>(constant);
        }
      }
    };
    const auto apply = [&](int64_t n, int64_t part) {
      const int64_t begin = at.begin(part), first = (n * at.rows + begin) * c;
      Gradient(from_dy + first, from_x + first, added == nullptr ? added : added + first,
               {at.begin(part + 1) - begin, c}, factors_of(n), to + first);
    };
    ForImages(at, gradient_sums, join, apply);
    float *to_gamma = dgamma.data<float>(), *to_beta = dbeta.data<float>();
    std::vector<double> of_both(2 * c);
    for (int64_t n = 0; n < at.images; n++)
      for (int64_t i = 0; i < 2 * c; i++) of_both[i] += by_image[n * 2 * c + i];
    for (int64_t i = 0; i < c; i++) {
      to_gamma[i] = static_cast<float>(of_both[i]);
      to_beta[i] = static_cast<float>(of_both[c + i]);
    }
  }

 private:
  const int groups_, addends_;
};

void InferGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 1, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 1, 2, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 2, 3, status);
}

}  // namespace

void RegisterGroupNormGrad() {
  DefineOp("BitGroupNormReluGrad", {"T: {float, bfloat16}", "groups: int", "N: int >= 0"},
           {"dy: T", "x: T", "gamma: float", "beta: float", "mean: float", "rstd: float",
            "plus: N * T"},
           {"dx: T", "dgamma: float", "dbeta: float"}, InferGradient);
  DefineKernel<GroupNormReluGrad<float>>("BitGroupNormReluGrad", "T", TF_FLOAT);
  DefineKernel<GroupNormReluGrad<bfloat16>>("BitGroupNormReluGrad", "T", TF_BFLOAT16);
}

}  // namespace bit
