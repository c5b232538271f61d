// The loops of group normalization's gradient by AVX-512 and its instructions on bfloat16.
//
// 32 values are widened to the 16 of even channels and the 16 of odd ones, an instruction each; what belongs to channels
// follows them into that order, and back.
#include "group_norm_grad.h"

#include <algorithm>

#include "group_norm.h"
#include "wide.h"

#ifdef BIT_HAS_X86

namespace bit::wide {
namespace {

// Of 32 channels.
struct Halves {
  __m512 even, odd;
};

BIT_WIDE BIT_INLINE Halves Widened(const bfloat16* from) {
  const __m512i both = _mm512_loadu_si512(from);
  return {_mm512_castsi512_ps(_mm512_slli_epi32(both, 16)),
          _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int>(0xffff0000))))};
}

BIT_WIDE BIT_INLINE Halves Divided(const float* from) {
  const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512 low = _mm512_loadu_ps(from), high = _mm512_loadu_ps(from + 16);
  return {_mm512_permutex2var_ps(low, even, high),
          _mm512_permutex2var_ps(low, _mm512_add_epi32(even, _mm512_set1_epi32(1)), high)};
}

// Adds them to float64 values.
BIT_WIDE BIT_INLINE void AddTo(const Halves& v, double* to) {
  const __m512i first = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  const __m512 in_order[] = {_mm512_permutex2var_ps(v.even, first, v.odd), _mm512_permutex2var_ps(v.even, second, v.odd)};
  for (const __m512 sixteen : in_order) {
    const __m256 eight[] = {_mm512_castps512_ps256(sixteen),
                            _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sixteen), 1))};
    for (const __m256 values : eight) {
      _mm512_storeu_pd(to, _mm512_add_pd(_mm512_loadu_pd(to), _mm512_cvtps_pd(values)));
      to += 8;
    }
  }
}

BIT_WIDE BIT_INLINE __mmask16 Passing(__m512 x, __m512 scale, __m512 offset) {
  return _mm512_cmp_ps_mask(_mm512_fmadd_ps(x, scale, offset), _mm512_setzero_ps(), _CMP_GT_OQ);
}

BIT_WIDE BIT_INLINE void AddRow(__m512 d, __m512 x, __m512 scale, __m512 offset, __m512* sum, __m512* product) {
  const __mmask16 passes = Passing(x, scale, offset);
  *sum = _mm512_mask_add_ps(*sum, passes, *sum, d);
  *product = _mm512_mask3_fmadd_ps(d, x, *product, passes);
}

// `kRows` rows, all their channels. `sums` has for each 32 channels the halves of the sums, then of the products.
template <int kRows>
BIT_WIDE BIT_INLINE void AddRows(const bfloat16* dy, const bfloat16* x, const ChannelRows& at,
                                   const GradientFactors& by, float* sums) {
  for (int64_t i = 0; i < at.channels; i += 32, sums += 64) {
    const Halves scale = Divided(by.scale + i), offset = Divided(by.offset + i);
    Halves s = {_mm512_loadu_ps(sums), _mm512_loadu_ps(sums + 16)};
    Halves p = {_mm512_loadu_ps(sums + 32), _mm512_loadu_ps(sums + 48)};
#pragma GCC unroll 4
    for (int r = 0; r < kRows; r++) {
      const Halves v = Widened(x + r * at.channels + i), d = Widened(dy + r * at.channels + i);
      AddRow(d.even, v.even, scale.even, offset.even, &s.even, &p.even);
      AddRow(d.odd, v.odd, scale.odd, offset.odd, &s.odd, &p.odd);
    }
    _mm512_storeu_ps(sums, s.even);
    _mm512_storeu_ps(sums + 16, s.odd);
    _mm512_storeu_ps(sums + 32, p.even);
    _mm512_storeu_ps(sums + 48, p.odd);
  }
}

BIT_WIDE BIT_INLINE __m512 Applied(__m512 d, __m512 x, __m512 scale, __m512 offset, __m512 slope, __m512 constant) {
  return _mm512_mask3_fmadd_ps(d, scale, _mm512_fmadd_ps(x, slope, constant), Passing(x, scale, offset));
}

BIT_WIDE BIT_INLINE __m512i Rounded(const Halves& v) { return InPairs(Round(v.even, v.odd)); }

template <bool kPlus, int kRows>
BIT_WIDE BIT_INLINE void ApplyRows(const bfloat16* dy, const bfloat16* x, const bfloat16* plus,
                                     const ChannelRows& at, const GradientFactors& by, bfloat16* dx) {
  for (int64_t i = 0; i < at.channels; i += 32) {
    const Halves scale = Divided(by.scale + i), offset = Divided(by.offset + i);
    const Halves slope = Divided(by.slope + i), constant = Divided(by.constant + i);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; r++) {
      const int64_t place = r * at.channels + i;
      const Halves v = Widened(x + place), d = Widened(dy + place);
      Halves g = {Applied(d.even, v.even, scale.even, offset.even, slope.even, constant.even),
                  Applied(d.odd, v.odd, scale.odd, offset.odd, slope.odd, constant.odd)};
      if (kPlus) {
        const Halves more = Widened(plus + place);
        g = {_mm512_add_ps(g.even, more.even), _mm512_add_ps(g.odd, more.odd)};
      }
      _mm512_storeu_si512(dx + place, Rounded(g));
    }
  }
}

template <bool kPlus>
BIT_WIDE BIT_INLINE void ApplyAll(const bfloat16* dy, const bfloat16* x, const bfloat16* plus,
                                    const ChannelRows& at, const GradientFactors& by, bfloat16* dx) {
  const int64_t ahead = RowsAhead<bfloat16>(at.channels) * at.channels;
  int64_t r = 0;
  for (; r + 4 <= at.rows; r += 4) {
    const int64_t place = r * at.channels;
    if (kPlus)
      for (int64_t i = 0; i < 4; i++) FetchAhead(plus + place + i * at.channels + ahead, at.channels);
    ApplyRows<kPlus, 4>(dy + place, x + place, plus + (kPlus ? place : 0), at, by, dx + place);
  }
  for (; r < at.rows; r++) {
    const int64_t place = r * at.channels;
    ApplyRows<kPlus, 1>(dy + place, x + place, plus + (kPlus ? place : 0), at, by, dx + place);
  }
}

}  // namespace

bool Takes(const ChannelRows& at) { return at.channels % 32 == 0 && RunsWide(); }

BIT_WIDE void GradientSums(const bfloat16* dy, const bfloat16* x, const ChannelRows& at,
                                 const GradientFactors& by, float* scratch, double* sums, double* products) {
  const int64_t ahead = RowsAhead<bfloat16>(at.channels) * at.channels;
  for (int64_t begin = 0; begin < at.rows; begin += kRowsAtOnce) {
    const int64_t end = std::min(at.rows, begin + kRowsAtOnce);
    std::fill(scratch, scratch + 2 * at.channels, 0.0f);
    int64_t r = begin;
    for (; r + 4 <= end; r += 4) {
      const int64_t place = r * at.channels;
      for (int64_t i = 0; i < 4; i++) {
        FetchAhead(x + place + i * at.channels + ahead, at.channels);
        FetchAhead(dy + place + i * at.channels + ahead, at.channels);
      }
      AddRows<4>(dy + place, x + place, at, by, scratch);
    }
    for (; r < end; r++) AddRows<1>(dy + r * at.channels, x + r * at.channels, at, by, scratch);
    for (int64_t i = 0; i < at.channels; i += 32) {
      const float* of = scratch + 2 * i;
      AddTo({_mm512_loadu_ps(of), _mm512_loadu_ps(of + 16)}, sums + i);
      AddTo({_mm512_loadu_ps(of + 32), _mm512_loadu_ps(of + 48)}, products + i);
    }
  }
}

BIT_WIDE void Gradient(const bfloat16* dy, const bfloat16* x, const bfloat16* plus, const ChannelRows& at,
                                  const GradientFactors& by, bfloat16* dx) {
  if (plus == nullptr)
    ApplyAll<false>(dy, x, plus, at, by, dx);
  else
    ApplyAll<true>(dy, x, plus, at, by, dx);
}

}  // namespace bit::wide
#endif
