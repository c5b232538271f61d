// Weight standardization and its gradient, filter by filter. In bfloat16 the result may be packed as BitPackKernel
// does, for convolutions on matrix tiles.
// Source: arXiv 1903.10520; epsilon and the gradient as in src/model/layers.ts.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "numeric.h"
#include "pack_pairs.h"
#include "panel_products.h"
#include "parallel.h"
#include "registration.h"
#include "standardize_loops.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// A kernel [H, W, I, O] is `rows` rows of `filters` columns. Threads take parts of some rows, which are read as they lie
// in memory, twice: the hardware fetches those ahead, and not a column's values, which are far apart.
struct Filters {
  explicit Filters(const Tensor& w) {
    if (w.rank() != 4) throw std::runtime_error("a kernel must have four dimensions");
    filters = w.dim(3);
    rows = w.dim(0) * w.dim(1) * w.dim(2);
    const int64_t of_part = kPartBytes / (4 * std::max<int64_t>(filters, 1)) / kRowsAtOnce * kRowsAtOnce;
    part_rows = std::max(of_part, kRowsAtOnce);
    parts = CeilDiv(rows, part_rows);
  }
  int64_t begin(int64_t part) const { return part * part_rows; }
  int64_t end(int64_t part) const { return std::min(rows, (part + 1) * part_rows); }

  // Rows that are summed in float32 before their sum goes into a float64.
  static constexpr int64_t kRowsAtOnce = 64;
  int64_t filters, rows, parts;

 private:
  static constexpr int64_t kPartBytes = 256 << 10;
  int64_t part_rows;
};

// Adds to `sums`, float32 [2, filters], values of `rows` rows of v, and their products with w's.
template <typename V>
BIT_INLINE void AddRows(const V* v, const float* w, int64_t rows, int64_t filters, float* sums) {
  float *a = sums, *b = sums + filters;
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, v += 4 * filters, w += 4 * filters) {
    const V *v1 = v + filters, *v2 = v1 + filters, *v3 = v2 + filters;
    const float *w1 = w + filters, *w2 = w1 + filters, *w3 = w2 + filters;
#pragma GCC ivdep
    for (int64_t i = 0; i < filters; i++) {
      const float c = ToFloat(v[i]), d = ToFloat(v1[i]), e = ToFloat(v2[i]), f = ToFloat(v3[i]);
      a[i] = a[i] + c + d + e + f;
      b[i] = b[i] + c * w[i] + d * w1[i] + e * w2[i] + f * w3[i];
    }
  }
  for (; r < rows; r++, v += filters, w += filters) {
#pragma GCC ivdep
    for (int64_t i = 0; i < filters; i++) {
      const float value = ToFloat(v[i]);
      a[i] += value;
      b[i] += value * w[i];
    }
  }
}

// Sums [2, filters] of the columns of `rows` rows of v, and of their products with w's.
template <typename V>
BIT_INLINE void SumRows(const V* v, const float* w, int64_t rows, int64_t filters, float* scratch, double* sums) {
  std::fill(sums, sums + 2 * filters, 0.0);
  for (int64_t r = 0; r < rows; r += Filters::kRowsAtOnce) {
    const int64_t n = std::min(rows - r, Filters::kRowsAtOnce);
    std::fill(scratch, scratch + 2 * filters, 0.0f);
    AddRows<V>(v + r * filters, w + r * filters, n, filters, scratch);
    for (int64_t i = 0; i < 2 * filters; i++) sums[i] += scratch[i];
  }
}

// y = (w - mean) * rstd.
template <typename T>
BIT_INLINE void NormalizeRows(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd,
                              T* y) {
  for (int64_t r = 0; r < rows; r++, w += filters, y += filters) {
#pragma GCC ivdep
    for (int64_t i = 0; i < filters; i++) y[i] = FromFloat<T>((w[i] - mean[i]) * rstd[i]);
  }
}

// dw = dy * rstd + w * slope + constant. dw may be dy.
template <typename T>
BIT_INLINE void GradientRows(const T* dy, const float* w, int64_t rows, int64_t filters, const float* rstd,
                             const float* slope, const float* constant, float* dw) {
  for (int64_t r = 0; r < rows; r++, dy += filters, w += filters, dw += filters) {
#pragma GCC ivdep
    for (int64_t i = 0; i < filters; i++)
      dw[i] = ToFloat(dy[i]) * rstd[i] + (w[i] * slope[i] + constant[i]);
  }
}

#define BIT_STANDARDIZE_FOR(T)                                                                                \
  BIT_FOR_EACH_PROCESSOR void Sums(const T* v, const float* w, int64_t rows, int64_t filters, float* scratch, \
                                   double* sums) {                                                            \
    SumRows<T>(v, w, rows, filters, scratch, sums);                                                           \
  }                                                                                                           \
  BIT_FOR_EACH_PROCESSOR void Normalize(const float* w, int64_t rows, int64_t filters, const float* mean,     \
                                        const float* rstd, T* y) {                                            \
    NormalizeRows<T>(w, rows, filters, mean, rstd, y);                                                        \
  }                                                                                                           \
  BIT_FOR_EACH_PROCESSOR void Gradient(const T* dy, const float* w, int64_t rows, int64_t filters,            \
                                       const float* rstd, const float* slope, const float* constant,          \
                                       float* dw) {                                                           \
    GradientRows<T>(dy, w, rows, filters, rstd, slope, constant, dw);                                         \
  }
BIT_STANDARDIZE_FOR(float)
BIT_STANDARDIZE_FOR(bfloat16)
#undef BIT_STANDARDIZE_FOR

// Sums [2, filters] of the columns of v, and of their products with w's.
template <typename V>
std::vector<double> ColumnSums(const Filters& at, const V* v, const float* w) {
  const int64_t all = 2 * at.filters;
  std::vector<double> sums(std::max<int64_t>(1, at.parts) * all);
  ParallelFor(at.parts, [&](int64_t part) {
    const int64_t first = at.begin(part) * at.filters;
    std::vector<float> scratch(all);
    Sums(v + first, w + first, at.end(part) - at.begin(part), at.filters, scratch.data(), &sums[part * all]);
  });
  for (int64_t part = 1; part < at.parts; part++)
    for (int64_t i = 0; i < all; i++) sums[i] += sums[part * all + i];
  return sums;
}

template <typename T>
class Standardize {
 public:
  explicit Standardize(TF_OpKernelConstruction* construction)
      : epsilon_(FloatAttr(construction, "epsilon")), packed_(IntAttr(construction, "packed") != 0) {
    if (packed_ && !std::is_same_v<T, bfloat16>) throw std::runtime_error("packed kernels are for bfloat16");
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor w(Input(context, 0));
    const Filters at(w);
    if (packed_ && (w.dim(2) % kPanelColumns != 0 || at.filters % kPanelColumns != 0))
      throw std::runtime_error("a packed kernel's channels must be multiples of 32");
    const Tensor y(Output(context, 0, w.shape()));
    const Tensor mean(Output(context, 1, {at.filters})), rstd(Output(context, 2, {at.filters}));
    const float* values = w.data<float>();
    const std::vector<double> sums = ColumnSums(at, values, values);
    float *mu = mean.data<float>(), *r = rstd.data<float>();
    for (int64_t i = 0; i < at.filters; i++) {
      const double m = sums[i] / at.rows;
      mu[i] = static_cast<float>(m);
      const double variance = std::max(0.0, sums[at.filters + i] / at.rows - m * m);
      r[i] = static_cast<float>(1 / std::sqrt(variance + epsilon_));
    }
    ParallelFor(at.parts, [&](int64_t part) {
      const int64_t begin = at.begin(part), rows = at.end(part) - begin, first = begin * at.filters;
      if (packed_)
        PackStandardized(values + first, rows, at.filters, mu, r, y.data<uint32_t>() + begin / 2 * kPanelColumns,
                         at.rows / 2 * kPanelColumns);
      else
        Normalize(values + first, rows, at.filters, mu, r, y.data<T>() + first);
    });
  }

 private:
  const float epsilon_;
  const bool packed_;
};

template <typename T>
class StandardizeGrad {
 public:
  explicit StandardizeGrad(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor dw(OutputInPlace(context, 0, {0}, InputShape(context, 1)));
    const Tensor dy(Input(context, 0)), w(Input(context, 1));
    const Tensor mean(Input(context, 2)), rstd(Input(context, 3));
    const Filters at(w);
    const T* gradients = dy.data<T>();
    const float* values = w.data<float>();
    const std::vector<double> sums = ColumnSums(at, gradients, values);
    std::vector<float> slope(at.filters), constant(at.filters);
    const float* r = rstd.data<float>();
    for (int64_t i = 0; i < at.filters; i++) {
      const double mu = mean.data<float>()[i];
      // Mean of dy * y, where y = (w - mean) * rstd.
      const double along = (sums[at.filters + i] - mu * sums[i]) * r[i] / at.rows;
      const double by = -along * r[i] * r[i];
      slope[i] = static_cast<float>(by);
      constant[i] = static_cast<float>(-by * mu - sums[i] / at.rows * r[i]);
    }
    ParallelFor(at.parts, [&](int64_t part) {
      const int64_t begin = at.begin(part), first = begin * at.filters;
      Gradient(gradients + first, values + first, at.end(part) - begin, at.filters, r, slope.data(),
               constant.data(), dw.data<float>() + first);
    });
  }
};

void InferForward(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 0, status);
  if (TF_GetCode(status) == TF_OK) InferPartOfShape(context, 1, 0, 3, 4, status);
  if (TF_GetCode(status) == TF_OK) InferPartOfShape(context, 2, 0, 3, 4, status);
}

void InferGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 1, status);
}

}  // namespace

void RegisterStandardize() {
  DefineOp("BitStandardize", {"T: {float, bfloat16}", "epsilon: float", "packed: int"}, {"w: float"},
           {"y: T", "mean: float", "rstd: float"}, InferForward);
  DefineOp("BitStandardizeGrad", {"T: {float, bfloat16}"},
           {"dy: T", "w: float", "mean: float", "rstd: float"}, {"dw: float"}, InferGradient);
  DefineKernel<Standardize<float>>("BitStandardize", "T", TF_FLOAT);
  DefineKernel<Standardize<bfloat16>>("BitStandardize", "T", TF_BFLOAT16);
  DefineKernel<StandardizeGrad<float>>("BitStandardizeGrad", "T", TF_FLOAT);
  DefineKernel<StandardizeGrad<bfloat16>>("BitStandardizeGrad", "T", TF_BFLOAT16);
}

}  // namespace bit
