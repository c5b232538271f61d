// Group normalization and ReLU in one, and their gradient: each reads the images twice and writes
// them once, where a chain of TensorFlow's own operations passes over them some ten times.
// Source: arXiv 1803.08494; the gradient in closed form, as in src/model/layers.ts.
#include <algorithm>
#include <cmath>

#include "numeric.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// Rows that are summed in float32 before their sum goes into a float64.
constexpr int64_t kRowsAtOnce = 256;

// Adds to `sums` and `squares`, float64 [channels], those of `rows` rows of x [rows, channels].
// `scratch` has room for 2 * channels.
template <typename T>
BIT_INLINE void AddMoments(const T* x, int64_t rows, int64_t channels, float* scratch, double* sums,
                           double* squares) {
  for (int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const int64_t end = std::min(rows, begin + kRowsAtOnce);
    float* s = scratch;
    float* q = scratch + channels;
    std::fill(scratch, scratch + 2 * channels, 0.0f);
    int64_t r = begin;
    for (; r + 4 <= end; r += 4) {
      const T* a = x + r * channels;
      const T *b = a + channels, *c = b + channels, *d = c + channels;
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(a[i]), vb = ToFloat(b[i]), vc = ToFloat(c[i]), vd = ToFloat(d[i]);
        s[i] += (va + vb) + (vc + vd);
        q[i] += (va * va + vb * vb) + (vc * vc + vd * vd);
      }
    }
    for (; r < end; r++) {
      const T* a = x + r * channels;
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(a[i]);
        s[i] += va;
        q[i] += va * va;
      }
    }
    for (int64_t i = 0; i < channels; i++) sums[i] += s[i];
    for (int64_t i = 0; i < channels; i++) squares[i] += q[i];
  }
}

// y = max(0, x * scale + offset), scale and offset by channel.
template <typename T>
BIT_INLINE void ScaleRelu(const T* x, int64_t rows, int64_t channels, const float* scale,
                          const float* offset, T* y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels) {
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; i++) {
      const float value = ToFloat(x[i]) * scale[i] + offset[i];
      y[i] = FromFloat<T>(value < 0 ? 0.0f : value);  // what is not a number stays so
    }
  }
}

// Adds to `sums` and `products`, float64 [channels], those of d and of d * x, where d is dy where
// the ReLU let x * scale + offset pass and else 0.
template <typename T>
BIT_INLINE void AddGradientSums(const T* dy, const T* x, int64_t rows, int64_t channels,
                                const float* scale, const float* offset, float* scratch,
                                double* sums, double* products) {
  for (int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const int64_t end = std::min(rows, begin + kRowsAtOnce);
    float* s = scratch;
    float* p = scratch + channels;
    std::fill(scratch, scratch + 2 * channels, 0.0f);
    int64_t r = begin;
    for (; r + 2 <= end; r += 2) {
      const T *xa = x + r * channels, *xb = xa + channels;
      const T *da = dy + r * channels, *db = da + channels;
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(xa[i]), vb = ToFloat(xb[i]);
        const float ga = va * scale[i] + offset[i] > 0 ? ToFloat(da[i]) : 0.0f;
        const float gb = vb * scale[i] + offset[i] > 0 ? ToFloat(db[i]) : 0.0f;
        s[i] += ga + gb;
        p[i] += ga * va + gb * vb;
      }
    }
    for (; r < end; r++) {
      const T *xa = x + r * channels, *da = dy + r * channels;
#pragma GCC ivdep
      for (int64_t i = 0; i < channels; i++) {
        const float va = ToFloat(xa[i]);
        const float ga = va * scale[i] + offset[i] > 0 ? ToFloat(da[i]) : 0.0f;
        s[i] += ga;
        p[i] += ga * va;
      }
    }
    for (int64_t i = 0; i < channels; i++) sums[i] += s[i];
    for (int64_t i = 0; i < channels; i++) products[i] += p[i];
  }
}

// dx = d * scale + x * slope + constant, by channel. dx may be dy or x.
template <typename T>
BIT_INLINE void ApplyGradient(const T* dy, const T* x, int64_t rows, int64_t channels,
                              const float* scale, const float* offset, const float* slope,
                              const float* constant, T* dx) {
  for (int64_t r = 0; r < rows; r++, dy += channels, x += channels, dx += channels) {
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; i++) {
      const float v = ToFloat(x[i]);
      const float d = v * scale[i] + offset[i] > 0 ? ToFloat(dy[i]) : 0.0f;
      dx[i] = FromFloat<T>(d * scale[i] + (v * slope[i] + constant[i]));
    }
  }
}

// The same under plain names, for each processor.
#define BIT_GROUP_NORM_FOR(T)                                                                      \
  BIT_FOR_EACH_PROCESSOR void Moments(const T* x, int64_t rows, int64_t channels, float* scratch,  \
                                      double* sums, double* squares) {                             \
    AddMoments<T>(x, rows, channels, scratch, sums, squares);                                      \
  }                                                                                                \
  BIT_FOR_EACH_PROCESSOR void Apply(const T* x, int64_t rows, int64_t channels, const float* scale, \
                                    const float* offset, T* y) {                                   \
    ScaleRelu<T>(x, rows, channels, scale, offset, y);                                             \
  }                                                                                                \
  BIT_FOR_EACH_PROCESSOR void GradientSums(const T* dy, const T* x, int64_t rows,                  \
                                           int64_t channels, const float* scale,                   \
                                           const float* offset, float* scratch, double* sums,      \
                                           double* products) {                                     \
    AddGradientSums<T>(dy, x, rows, channels, scale, offset, scratch, sums, products);             \
  }                                                                                                \
  BIT_FOR_EACH_PROCESSOR void Gradient(const T* dy, const T* x, int64_t rows, int64_t channels,    \
                                       const float* scale, const float* offset,                    \
                                       const float* slope, const float* constant, T* dx) {         \
    ApplyGradient<T>(dy, x, rows, channels, scale, offset, slope, constant, dx);                   \
  }
BIT_GROUP_NORM_FOR(float)
BIT_GROUP_NORM_FOR(bfloat16)
#undef BIT_GROUP_NORM_FOR

// Images [N, H, W, C] seen as N images of `rows` rows of `channels`, each image in `parts` parts of
// rows, so that few images still occupy all threads.
struct Layout {
  Layout(const Tensor& x, int groups) {
    if (x.rank() != 4) throw std::runtime_error("images must have four dimensions");
    images = x.dim(0);
    rows = x.dim(1) * x.dim(2);
    channels = x.dim(3);
    if (groups < 1 || channels % groups != 0)
      throw std::runtime_error("channels must be a multiple of the groups");
    per_group = channels / groups;
    const int64_t wanted = images >= Parallelism() ? 1 : (2 * Parallelism() + images - 1) / std::max<int64_t>(images, 1);
    parts = std::max<int64_t>(1, std::min(wanted, rows / 64));
  }
  int64_t begin(int64_t part) const { return rows * part / parts; }
  int64_t images, rows, channels, per_group, parts;
};

// Runs `sum` on every part of every image, `join` on every image and `apply` on every part again;
// an image that is one part goes through all three at once, while it lies in the cache.
template <typename Sum, typename Join, typename Apply>
void ForImages(const Layout& layout, const Sum& sum, const Join& join, const Apply& apply) {
  if (layout.parts == 1) {
    ParallelFor(layout.images, [&](int64_t n) {
      sum(n, 0);
      join(n);
      apply(n, 0);
    });
    return;
  }
  const int64_t all = layout.images * layout.parts;
  ParallelFor(all, [&](int64_t i) { sum(i / layout.parts, i % layout.parts); });
  ParallelFor(layout.images, join);
  ParallelFor(all, [&](int64_t i) { apply(i / layout.parts, i % layout.parts); });
}

template <typename T>
class GroupNormRelu {
 public:
  explicit GroupNormRelu(TF_OpKernelConstruction* construction)
      : groups_(IntAttr(construction, "groups")), epsilon_(FloatAttr(construction, "epsilon")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), gamma(Input(context, 1)), beta(Input(context, 2));
    const Layout at(x, groups_);
    const int64_t c = at.channels;
    if (gamma.size() != c || beta.size() != c)
      throw std::runtime_error("gamma and beta must have a value for each channel");
    const Tensor y(Output(context, 0, x.shape()));
    const Tensor mean(Output(context, 1, {at.images, groups_}));
    const Tensor rstd(Output(context, 2, {at.images, groups_}));
    std::vector<double> sums(at.images * at.parts * 2 * c);
    std::vector<float> factors(at.images * 2 * c);
    const auto moments = [&](int64_t n, int64_t part) {
      std::vector<float> scratch(2 * c);
      double* s = &sums[(n * at.parts + part) * 2 * c];
      const int64_t begin = at.begin(part);
      Moments(x.data<T>() + (n * at.rows + begin) * c, at.begin(part + 1) - begin, c,
              scratch.data(), s, s + c);
    };
    const auto join = [&](int64_t n) {
      const double count = static_cast<double>(at.rows) * at.per_group;
      for (int64_t g = 0; g < groups_; g++) {
        double sum = 0, square = 0;
        for (int64_t part = 0; part < at.parts; part++) {
          const double* s = &sums[(n * at.parts + part) * 2 * c];
          for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
            sum += s[i];
            square += s[c + i];
          }
        }
        const double mu = sum / count;
        const double variance = std::max(0.0, square / count - mu * mu);
        const double r = 1 / std::sqrt(variance + epsilon_);
        mean.data<float>()[n * groups_ + g] = static_cast<float>(mu);
        rstd.data<float>()[n * groups_ + g] = static_cast<float>(r);
      }
      Factors(n, at, gamma, beta, mean, rstd, &factors[n * 2 * c]);
    };
    const auto apply = [&](int64_t n, int64_t part) {
      const int64_t begin = at.begin(part), first = (n * at.rows + begin) * c;
      const float* f = &factors[n * 2 * c];
      Apply(x.data<T>() + first, at.begin(part + 1) - begin, c, f, f + c, y.data<T>() + first);
    };
    ForImages(at, moments, join, apply);
  }

  // Scale and offset of an image's channels, into `factors` [2, channels].
  static void Factors(int64_t n, const Layout& at, const Tensor& gamma, const Tensor& beta,
                      const Tensor& mean, const Tensor& rstd, float* factors) {
    const int64_t groups = at.channels / at.per_group;
    for (int64_t i = 0; i < at.channels; i++) {
      const int64_t g = n * groups + i / at.per_group;
      factors[i] = rstd.data<float>()[g] * gamma.data<float>()[i];
      factors[at.channels + i] = beta.data<float>()[i] - mean.data<float>()[g] * factors[i];
    }
  }

 private:
  const int groups_;
  const float epsilon_;
};

template <typename T>
class GroupNormReluGrad {
 public:
  explicit GroupNormReluGrad(TF_OpKernelConstruction* construction)
      : groups_(IntAttr(construction, "groups")) {}

  void Compute(TF_OpKernelContext* context) const {
    std::vector<int64_t> shape;
    {
      const Tensor probe(Input(context, 1));
      shape = probe.shape();
    }
    const Tensor dx(OutputInPlace(context, 0, {0, 1}, shape));
    const Tensor dy(Input(context, 0)), x(Input(context, 1)), gamma(Input(context, 2));
    const Tensor beta(Input(context, 3)), mean(Input(context, 4)), rstd(Input(context, 5));
    const Layout at(x, groups_);
    const int64_t c = at.channels;
    const Tensor dgamma(Output(context, 1, {c})), dbeta(Output(context, 2, {c}));
    std::vector<double> sums(at.images * at.parts * 2 * c);
    std::vector<float> factors(at.images * 4 * c);  // scale, offset, slope, constant
    std::vector<float> by_image(at.images * 2 * c);  // of gamma and beta
    const auto prepare = [&](int64_t n) {
      GroupNormRelu<T>::Factors(n, at, gamma, beta, mean, rstd, &factors[n * 4 * c]);
    };
    ParallelFor(at.images, prepare);
    const auto gradient_sums = [&](int64_t n, int64_t part) {
      std::vector<float> scratch(2 * c);
      double* s = &sums[(n * at.parts + part) * 2 * c];
      const int64_t begin = at.begin(part), first = (n * at.rows + begin) * c;
      const float* f = &factors[n * 4 * c];
      GradientSums(dy.data<T>() + first, x.data<T>() + first, at.begin(part + 1) - begin, c, f,
                   f + c, scratch.data(), s, s + c);
    };
    const auto join = [&](int64_t n) {
      double* s = &sums[n * at.parts * 2 * c];
      for (int64_t part = 1; part < at.parts; part++)
        for (int64_t i = 0; i < 2 * c; i++) s[i] += s[part * 2 * c + i];
      const double count = static_cast<double>(at.rows) * at.per_group;
      float* f = &factors[n * 4 * c];
      for (int64_t g = 0; g < groups_; g++) {
        const double mu = mean.data<float>()[n * groups_ + g];
        const double r = rstd.data<float>()[n * groups_ + g];
        double m1 = 0, m2 = 0;
        for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
          const double normalized = (s[c + i] - mu * s[i]) * r;  // sum of d * xhat
          by_image[n * 2 * c + i] = static_cast<float>(normalized);
          by_image[n * 2 * c + c + i] = static_cast<float>(s[i]);
          m1 += gamma.data<float>()[i] * s[i];
          m2 += gamma.data<float>()[i] * normalized;
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
      const float* f = &factors[n * 4 * c];
      Gradient(dy.data<T>() + first, x.data<T>() + first, at.begin(part + 1) - begin, c, f, f + c,
               f + 2 * c, f + 3 * c, dx.data<T>() + first);
    };
    ForImages(at, gradient_sums, join, apply);
    for (int64_t i = 0; i < c; i++) {
      double of_gamma = 0, of_beta = 0;
      for (int64_t n = 0; n < at.images; n++) {
        of_gamma += by_image[n * 2 * c + i];
        of_beta += by_image[n * 2 * c + c + i];
      }
      dgamma.data<float>()[i] = static_cast<float>(of_gamma);
      dbeta.data<float>()[i] = static_cast<float>(of_beta);
    }
  }

 private:
  const int groups_;
};

// The statistics' shape is left unknown: the number of groups is not within reach here.
void InferForward(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 0, 0, status);
}

void InferGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 1, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 1, 2, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 2, 3, status);
}

}  // namespace

void RegisterGroupNorm() {
  DefineOp("BitGroupNormRelu", {"T: {float, bfloat16}", "groups: int", "epsilon: float"},
           {"x: T", "gamma: float", "beta: float"}, {"y: T", "mean: float", "rstd: float"},
           InferForward);
  DefineOp("BitGroupNormReluGrad", {"T: {float, bfloat16}", "groups: int"},
           {"dy: T", "x: T", "gamma: float", "beta: float", "mean: float", "rstd: float"},
           {"dx: T", "dgamma: float", "dbeta: float"}, InferGradient);
  DefineKernel<GroupNormRelu<float>>("BitGroupNormRelu", "T", TF_FLOAT);
  DefineKernel<GroupNormRelu<bfloat16>>("BitGroupNormRelu", "T", TF_BFLOAT16);
  DefineKernel<GroupNormReluGrad<float>>("BitGroupNormReluGrad", "T", TF_FLOAT);
  DefineKernel<GroupNormReluGrad<bfloat16>>("BitGroupNormReluGrad", "T", TF_BFLOAT16);
}

}  // namespace bit
