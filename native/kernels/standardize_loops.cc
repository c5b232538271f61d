#include "standardize_loops.h"

#include <algorithm>

#include "panel_products.h"

#ifdef BIT_HAS_X86
#include <immintrin.h>
#endif

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
// By AVX-512 and its instruction that rounds, which takes values too small to be normal for zeros, as they are where
// kernels run.
namespace wide {
#define BIT_TARGET __attribute__((target("avx512f,avx512bw,avx512bf16")))

BIT_TARGET BIT_INLINE __m512 Standardized(const float* w, const float* mean, const float* rstd) {
  return _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(w), _mm512_loadu_ps(mean)), _mm512_loadu_ps(rstd));
}

BIT_TARGET void Pack(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd, uint32_t* to,
                     int64_t pitch) {
  const __m512i in_pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                            21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  PackAll(w, rows, filters, [=](int64_t r, int64_t first) BIT_TARGET {
    uint32_t* pairs = to + first / kPanelColumns * pitch + r / 2 * kPanelColumns;
    for (int64_t i = 0; i < kPanelColumns; i += 16) {
      const float *low = w + r * filters + first + i, *mu = mean + first + i, *by = rstd + first + i;
      const auto both = (__m512i)_mm512_cvtne2ps_pbh(Standardized(low + filters, mu, by), Standardized(low, mu, by));
      _mm512_storeu_si512(pairs + i, _mm512_permutexvar_epi16(in_pairs, both));
    }
  });
}
#undef BIT_TARGET

bool Runs() {
  static const bool has = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
  return has;
}
}  // namespace wide
#endif

}  // namespace

void PackStandardized(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd,
                      uint32_t* to, int64_t pitch) {
#ifdef BIT_HAS_X86
  if (wide::Runs()) return wide::Pack(w, rows, filters, mean, rstd, to, pitch);
#endif
  plain::Pack(w, rows, filters, mean, rstd, to, pitch);
}

}  // namespace bit
