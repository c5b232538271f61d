// Group normalization and ReLU in one: it reads the images twice and writes them once, where a chain
// of TensorFlow's own operations passes over them some ten times. Source: arXiv 1803.08494.
//
// Between convolutions on tiles it is less (tile_convolve.cc): the one before it has the images' moments, so
// that none are read for them; where the one behind it normalizes as it reads, a scale and an offset for
// each image and channel is all that is made here.
#include <algorithm>
#include <cmath>

#include "group_norm.h"
#include "numeric.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

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

template <typename T>
BIT_INLINE void ScaleRows(const T* x, int64_t rows, int64_t channels, const float* scale,
                          const float* offset, T* y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels) {
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; i++) {
      const float value = ToFloat(x[i]) * scale[i] + offset[i];
      y[i] = FromFloat<T>(value < 0 ? 0.0f : value);  // what is not a number stays so
    }
  }
}

// The same under plain names, for each processor.
#define BIT_MOMENTS_FOR(T)                                                                        \
  BIT_FOR_EACH_PROCESSOR void Moments(const T* x, int64_t rows, int64_t channels, float* scratch, \
                                      double* sums, double* squares) {                            \
    AddMoments<T>(x, rows, channels, scratch, sums, squares);                                     \
  }
BIT_MOMENTS_FOR(float)
BIT_MOMENTS_FOR(bfloat16)
#undef BIT_MOMENTS_FOR

// Makes the images, or factors alone: [images, 2, channels].
template <typename T, bool kApplies>
class GroupNormRelu {
 public:
  explicit GroupNormRelu(TF_OpKernelConstruction* construction)
      : groups_(IntAttr(construction, "groups")),
        epsilon_(FloatAttr(construction, "epsilon")),
        moments_(IntAttr(construction, "M")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), gamma(Input(context, 1)), beta(Input(context, 2));
    GroupLayout at(x, groups_);
    // Nothing is gained by going over an image twice in a row: then sums depend neither on the threads nor on
    // how many images there are.
    if (!kApplies) at.parts = std::max<int64_t>(1, at.rows / kRowsAtOnce);
    const int64_t c = at.channels;
    if (gamma.size() != c || beta.size() != c)
      throw std::runtime_error("gamma and beta must have a value for each channel");
    const std::vector<int64_t> by_channel = {at.images, 2, c};
    const OptionalInput moments(context, 3, moments_);
    moments.Require(by_channel, "there must be two moments for each image and channel");
    const Tensor result(Output(context, 0, kApplies ? x.shape() : by_channel));
    const Tensor mean(Output(context, 1, {at.images, groups_}));
    const Tensor rstd(Output(context, 2, {at.images, groups_}));
    std::vector<float> own_factors(kApplies ? at.images * 2 * c : 0);
    float* factors = kApplies ? own_factors.data() : result.data<float>();
    const double* given = moments.data<double>();
    const int64_t parts = given == nullptr ? at.parts : 1;
    std::vector<double> own_sums(given == nullptr ? at.images * parts * 2 * c : 0);
    const double* sums = given == nullptr ? own_sums.data() : given;
    const float *gammas = gamma.data<float>(), *betas = beta.data<float>();
    float *means = mean.data<float>(), *deviations = rstd.data<float>();
    const T* from = x.data<T>();
    const auto sum = [&](int64_t n, int64_t part) {
      if (given != nullptr) return;
      std::vector<float> scratch(2 * c);
      double* s = &own_sums[(n * parts + part) * 2 * c];
      const int64_t begin = at.begin(part);
      Moments(from + (n * at.rows + begin) * c, at.begin(part + 1) - begin, c,
              scratch.data(), s, s + c);
    };
    const auto join = [&](int64_t n) {
      const double count = static_cast<double>(at.rows) * at.per_group;
      for (int64_t g = 0; g < groups_; g++) {
        double total = 0, square = 0;
        for (int64_t part = 0; part < parts; part++) {
          const double* s = sums + (n * parts + part) * 2 * c;
          for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
            total += s[i];
            square += s[c + i];
          }
        }
        const double mu = total / count;
        const double variance = std::max(0.0, square / count - mu * mu);
        const double r = 1 / std::sqrt(variance + epsilon_);
        means[n * groups_ + g] = static_cast<float>(mu);
        deviations[n * groups_ + g] = static_cast<float>(r);
      }
      Factors(n, at, gammas, betas, means, deviations, factors + n * 2 * c);
    };
    const auto apply = [&](int64_t n, int64_t part) {
      if (!kApplies) return;
      const int64_t begin = at.begin(part), first = (n * at.rows + begin) * c;
      const float* f = factors + n * 2 * c;
      ScaleRelu(from + first, at.begin(part + 1) - begin, c, f, f + c, result.data<T>() + first);
    };
    ForImages(at, sum, join, apply);
  }

 private:
  const int groups_;
  const float epsilon_;
  const int moments_;
};

// The statistics' shape is left unknown: the number of groups is not within reach here.
void InferForward(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  if (TF_GetCode(status) == TF_OK) InferSameShape(context, 0, 0, status);
}

}  // namespace

#define BIT_SCALE_RELU_FOR(T)                                                                  \
  BIT_FOR_EACH_PROCESSOR void ScaleRelu(const T* x, int64_t rows, int64_t channels,            \
                                        const float* scale, const float* offset, T* y) {       \
    ScaleRows<T>(x, rows, channels, scale, offset, y);                                         \
  }
BIT_SCALE_RELU_FOR(float)
BIT_SCALE_RELU_FOR(bfloat16)
#undef BIT_SCALE_RELU_FOR

void RegisterGroupNorm() {
  DefineOp("BitGroupNormRelu",
           {"T: {float, bfloat16}", "groups: int", "epsilon: float", "M: int >= 0"},
           {"x: T", "gamma: float", "beta: float", "moments: M * double"},
           {"y: T", "mean: float", "rstd: float"}, InferForward);
  DefineKernel<GroupNormRelu<float, true>>("BitGroupNormRelu", "T", TF_FLOAT);
  DefineKernel<GroupNormRelu<bfloat16, true>>("BitGroupNormRelu", "T", TF_BFLOAT16);
  DefineOp("BitGroupNormFactors",
           {"T: {float, bfloat16}", "groups: int", "epsilon: float", "M: int >= 0"},
           {"x: T", "gamma: float", "beta: float", "moments: M * double"},
           {"factors: float", "mean: float", "rstd: float"}, InferNothing);
  DefineKernel<GroupNormRelu<float, false>>("BitGroupNormFactors", "T", TF_FLOAT);
  DefineKernel<GroupNormRelu<bfloat16, false>>("BitGroupNormFactors", "T", TF_BFLOAT16);
}

}  // namespace bit
