#include "tile_packing.h"

#ifdef BIT_HAS_AMX
#include <immintrin.h>
#endif

namespace bit {
namespace {

namespace plain {
void PackTurned(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                int64_t pitch) {
  for (int64_t q = 0; q < count; q++)
    for (int64_t c = 0; c < n; c++) to[c * pitch + q] = pixels[q][first + c];
}

void PackPairs(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to) {
  for (int64_t q = 0; q < count; q += 2)
    for (int64_t c = 0; c < n; c++) {
      const uint32_t low = pixels[q][first + c], high = pixels[q + 1][first + c];
      to[(c / 32 * (count / 2) + q / 2) * 32 + c % 32] = low | high << 16;
    }
}
}  // namespace plain

#ifdef BIT_HAS_AMX
namespace avx512 {
#define BIT_TARGET __attribute__((target("avx512f,avx512bw")))

// Hardware fetches ahead within a page of 4 KB only, which is one row of few pixels: here is more.
inline void Prefetch(const void* from) { _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0); }

// 16 channels of two pixels in pairs, the first pixel in the lower halves.
BIT_TARGET inline __m512i PairOf(Pixel a, Pixel b) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i both = _mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a))),
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)), 1);
  return _mm512_permutexvar_epi16(order, both);
}

// 16 x 16 values of 32 bits turned round.
BIT_TARGET inline void Turn(__m512i v[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

BIT_TARGET void PackTurned(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                           int64_t pitch) {
  for (int64_t q = 0; q < count; q += 32) {
    const Pixel* next = pixels + (q + 32 < count ? q + 32 : q);
    for (int64_t c = 0; c < n; c += 16) {
      for (int i = 0; i < 16; i++) Prefetch(next[2 * i + c / 16 % 2] + first + c);
      __m512i v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++)
        v[i] = PairOf(pixels[q + 2 * i] + first + c, pixels[q + 2 * i + 1] + first + c);
      Turn(v);
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + (c + i) * pitch + q, v[i]);
    }
  }
}

BIT_TARGET void PackPairs(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to) {
  const int64_t ahead = std::max<int64_t>(2, RoundUp(2048 / n, 2));
  for (int64_t q = 0; q < count; q += 2) {
    const Pixel* next = pixels + (q + ahead < count ? q + ahead : q);
    for (int64_t c = 0; c < n; c += 16) {
      Prefetch(next[c / 16 % 2] + first + c);
      _mm512_storeu_si512(to + (c / 32 * (count / 2) + q / 2) * 32 + c % 32,
                          PairOf(pixels[q] + first + c, pixels[q + 1] + first + c));
    }
  }
}
#undef BIT_TARGET
}  // namespace avx512
#endif

}  // namespace

const TilePacking kPlainPacking = {plain::PackTurned, plain::PackPairs};

const TilePacking& FastestPacking() {
#ifdef BIT_HAS_AMX
  static const TilePacking wide = {avx512::PackTurned, avx512::PackPairs};
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  if (has) return wide;
#endif
  return kPlainPacking;
}

}  // namespace bit
