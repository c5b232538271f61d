#include "standardize_loops.h"

#include <algorithm>

#include "panel_products.h"
#include "wide.h"

namespace bit {
namespace {

// Rows that are packed at a time.
constexpr int64_t kPackedRows = 16;

// `pack`(r, first) packs rows r and r + 1, filters [first, first + 32).
template <typename Pack>
BIT_INLINE void PackAll(const float* w, int64_t rows, int64_t filters, const Pack& pack) {
  for (int64_t begin = 0; begin < rows; begin += kPackedRows) {
    const int64_t end = std::min(rows, begin + kPackedRows);
    for (int64_t first = 0; first < filters; first += kPanelColumns) {
      // The next rows, a part of them as they lie.
      if (end < rows) FetchAhead(w + end * filters + first * kPackedRows, kPanelColumns * kPackedRows);
      for (int64_t r = begin; r < end; r += 2) pack(r, first);
    }
  }
}

namespace plain {
BIT_FOR_EACH_PROCESSOR void Pack(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd,
                                 uint32_t* to, int64_t pitch) {
  PackAll(w, rows, filters, [=](int64_t r, int64_t first) {
    const float *low = w + r * filters + first, *high = low + filters, *mu = mean + first, *by = rstd + first;
    uint32_t* pairs = to + first / kPanelColumns * pitch + r / 2 * kPanelColumns;
    for (int64_t i = 0; i < kPanelColumns; i++) {
      const uint32_t upper = FromFloat<bfloat16>((high[i] - mu[i]) * by[i]).bits;
      pairs[i] = FromFloat<bfloat16>((low[i] - mu[i]) * by[i]).bits | upper << 16;
    }
  });
}
}  // namespace plain

#ifdef BIT_HAS_X86
namespace wide {
BIT_WIDE BIT_INLINE __m512 Standardized(const float* w, const float* mean, const float* rstd) {
  return _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(w), _mm512_loadu_ps(mean)), _mm512_loadu_ps(rstd));
}

BIT_WIDE void Pack(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd, uint32_t* to,
                     int64_t pitch) {
  PackAll(w, rows, filters, [=](int64_t r, int64_t first) BIT_WIDE {
    uint32_t* pairs = to + first / kPanelColumns * pitch + r / 2 * kPanelColumns;
    for (int64_t i = 0; i < kPanelColumns; i += 16) {
      const float *low = w + r * filters + first + i, *mu = mean + first + i, *by = rstd + first + i;
      const __m512i both = Round(Standardized(low, mu, by), Standardized(low + filters, mu, by));
      _mm512_storeu_si512(pairs + i, InPairs(both));
    }
  });
}
}  // namespace wide
#endif

}  // namespace

void PackStandardized(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd,
                      uint32_t* to, int64_t pitch) {
#ifdef BIT_HAS_X86
  if (RunsWide()) return wide::Pack(w, rows, filters, mean, rstd, to, pitch);
#endif
  plain::Pack(w, rows, filters, mean, rstd, to, pitch);
}

}  // namespace bit
