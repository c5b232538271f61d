// Weight standardization and its gradient, filter by filter.
// Source: arXiv 1903.10520; epsilon and the gradient as in src/model/layers.ts.
#include <algorithm>
#include <cmath>

#include "numeric.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// A kernel [H, W, I, O] is `rows` rows of `filters` columns. Threads take ranges of columns.
constexpr int64_t kColumns = 64;
// Rows are far apart: hardware does not fetch them ahead.
constexpr int64_t kRowsAhead = 16;

// Sums over rows of columns [0, n) of w, and of w * v where `v` is given, else of w * w.
template <typename V>
BIT_INLINE void ColumnSums(const V* v, const float* w, int64_t rows, int64_t filters, int64_t n,
                           double* first, double* second) {
  float a[kColumns], b[kColumns];
  std::fill(first, first + n, 0.0);
  std::fill(second, second + n, 0.0);
  for (int64_t begin = 0; begin < rows; begin += 64) {
    const int64_t end = std::min(rows, begin + 64);
    std::fill(a, a + n, 0.0f);
    std::fill(b, b + n, 0.0f);
    for (int64_t r = begin; r < end; r++) {
      const V* vr = v + r * filters;
      const float* wr = w + r * filters;
      FetchAhead(vr + kRowsAhead * filters, n);
      if (static_cast<const void*>(v) != w) FetchAhead(wr + kRowsAhead * filters, n);
#pragma GCC ivdep
      for (int64_t i = 0; i < n; i++) {
        const float value = ToFloat(vr[i]);
        a[i] += value;
        b[i] += value * wr[i];
      }
    }
    for (int64_t i = 0; i < n; i++) {
      first[i] += a[i];
      second[i] += b[i];
    }
  }
}

// y = (w - mean) * rstd.
template <typename T>
BIT_INLINE void NormalizeColumns(const float* w, int64_t rows, int64_t filters, int64_t n,
                                 const float* mean, const float* rstd, T* y) {
  for (int64_t r = 0; r < rows; r++, w += filters, y += filters) {
    FetchAhead<1>(y + kRowsAhead * filters, n);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) y[i] = FromFloat<T>((w[i] - mean[i]) * rstd[i]);
  }
}

// dw = dy * rstd + w * slope + constant.
template <typename T>
BIT_INLINE void GradientColumns(const T* dy, const float* w, int64_t rows, int64_t filters,
                                int64_t n, const float* rstd, const float* slope,
                                const float* constant, float* dw) {
  for (int64_t r = 0; r < rows; r++, dy += filters, w += filters, dw += filters) {
    FetchAhead<1>(dw + kRowsAhead * filters, n);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++)
      dw[i] = ToFloat(dy[i]) * rstd[i] + (w[i] * slope[i] + constant[i]);
  }
}

#define BIT_STANDARDIZE_FOR(T)                                                                   \
  BIT_FOR_EACH_PROCESSOR void Sums(const T* v, const float* w, int64_t rows, int64_t filters,    \
                                   int64_t n, double* first, double* second) {                   \
    ColumnSums<T>(v, w, rows, filters, n, first, second);                                        \
  }                                                                                              \
  BIT_FOR_EACH_PROCESSOR void Normalize(const float* w, int64_t rows, int64_t filters, int64_t n, \
                                        const float* mean, const float* rstd, T* y) {            \
    NormalizeColumns<T>(w, rows, filters, n, mean, rstd, y);                                     \
  }                                                                                              \
  BIT_FOR_EACH_PROCESSOR void Gradient(const T* dy, const float* w, int64_t rows,                \
                                       int64_t filters, int64_t n, const float* rstd,            \
                                       const float* slope, const float* constant, float* dw) {   \
    GradientColumns<T>(dy, w, rows, filters, n, rstd, slope, constant, dw);                      \
  }
BIT_STANDARDIZE_FOR(float)
BIT_STANDARDIZE_FOR(bfloat16)
#undef BIT_STANDARDIZE_FOR

struct Filters {
  explicit Filters(const Tensor& w) {
    if (w.rank() != 4) throw std::runtime_error("a kernel must have four dimensions");
    filters = w.dim(3);
    rows = w.dim(0) * w.dim(1) * w.dim(2);
    ranges = (filters + kColumns - 1) / kColumns;
  }
  int64_t width(int64_t range) const { return std::min(kColumns, filters - range * kColumns); }
  int64_t filters, rows, ranges;
};

template <typename T>
class Standardize {
 public:
  explicit Standardize(TF_OpKernelConstruction* construction)
      : epsilon_(FloatAttr(construction, "epsilon")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor w(Input(context, 0));
    const Filters at(w);
    const Tensor y(Output(context, 0, w.shape()));
    const Tensor mean(Output(context, 1, {at.filters})), rstd(Output(context, 2, {at.filters}));
    ParallelFor(at.ranges, [&](int64_t range) {
      const int64_t first = range * kColumns, n = at.width(range);
      double sums[kColumns], squares[kColumns];
      const float* from = w.data<float>() + first;
      Sums(from, from, at.rows, at.filters, n, sums, squares);
      float* mu = mean.data<float>() + first;
      float* r = rstd.data<float>() + first;
      for (int64_t i = 0; i < n; i++) {
        const double m = sums[i] / at.rows;
        mu[i] = static_cast<float>(m);
        const double variance = std::max(0.0, squares[i] / at.rows - m * m);
        r[i] = static_cast<float>(1 / std::sqrt(variance + epsilon_));
      }
      Normalize(from, at.rows, at.filters, n, mu, r, y.data<T>() + first);
    });
  }

 private:
  const float epsilon_;
};

template <typename T>
class StandardizeGrad {
 public:
  explicit StandardizeGrad(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor dy(Input(context, 0)), w(Input(context, 1));
    const Tensor mean(Input(context, 2)), rstd(Input(context, 3));
    const Filters at(w);
    const Tensor dw(Output(context, 0, w.shape()));
    ParallelFor(at.ranges, [&](int64_t range) {
      const int64_t first = range * kColumns, n = at.width(range);
      double sums[kColumns], products[kColumns];
      const float* from = w.data<float>() + first;
      Sums(dy.data<T>() + first, from, at.rows, at.filters, n, sums, products);
      float slope[kColumns], constant[kColumns];
      const float* r = rstd.data<float>() + first;
      for (int64_t i = 0; i < n; i++) {
        const double mu = mean.data<float>()[first + i];
        // Mean of dy * y, where y = (w - mean) * rstd.
        const double along = (products[i] - mu * sums[i]) * r[i] / at.rows;
        const double by = -along * r[i] * r[i];
        slope[i] = static_cast<float>(by);
        constant[i] = static_cast<float>(-by * mu - sums[i] / at.rows * r[i]);
      }
      Gradient(dy.data<T>() + first, from, at.rows, at.filters, n, r, slope, constant,
               dw.data<float>() + first);
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
  DefineOp("BitStandardize", {"T: {float, bfloat16}", "epsilon: float"}, {"w: float"},
           {"y: T", "mean: float", "rstd: float"}, InferForward);
  DefineOp("BitStandardizeGrad", {"T: {float, bfloat16}"},
           {"dy: T", "w: float", "mean: float", "rstd: float"}, {"dw: float"}, InferGradient);
  DefineKernel<Standardize<float>>("BitStandardize", "T", TF_FLOAT);
  DefineKernel<Standardize<bfloat16>>("BitStandardize", "T", TF_BFLOAT16);
  DefineKernel<StandardizeGrad<float>>("BitStandardizeGrad", "T", TF_FLOAT);
  DefineKernel<StandardizeGrad<bfloat16>>("BitStandardizeGrad", "T", TF_BFLOAT16);
}

}  // namespace bit
