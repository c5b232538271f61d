#include "bfloat16_products.h"

#ifdef BIT_HAS_X86
#include <immintrin.h>
#endif

namespace bit {
namespace {

// For any processor.
namespace plain {
#define BIT_TARGET
using Value = bfloat16;
constexpr int64_t kPixels = 8, kStep = 8;
using Pairs = uint32_t;
using Sums = float;
constexpr int64_t kLanes = 1;
constexpr int kTileRows = 4;
inline Sums Zero() { return 0; }
inline Pairs Load(const uint32_t* from) { return *from; }
inline Pairs Broadcast(const uint32_t* from) { return *from; }
inline float First(Pairs pair) { return ToFloat(bfloat16{static_cast<uint16_t>(pair)}); }
inline float Second(Pairs pair) { return ToFloat(bfloat16{static_cast<uint16_t>(pair >> 16)}); }
inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) {
  return sum + First(a) * First(b) + Second(a) * Second(b);
}
inline Sums Add(Sums a, Sums b) { return a + b; }
inline Sums Widen(const bfloat16* from) { return ToFloat(*from); }
inline void AddTo(float* to, Sums value) { *to += value; }
inline void Round(bfloat16* to, Sums value) { *to = FromFloat<bfloat16>(value); }
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace plain

#ifdef BIT_HAS_X86
namespace avx2 {
#define BIT_TARGET __attribute__((target("avx2,fma")))
using Value = bfloat16;
constexpr int64_t kPixels = 8, kStep = 8;
using Pairs = __m256i;
using Sums = __m256;
constexpr int64_t kLanes = 8;
constexpr int kTileRows = 4;
BIT_TARGET inline Sums Zero() { return _mm256_setzero_ps(); }
BIT_TARGET inline Pairs Load(const uint32_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
BIT_TARGET inline Pairs Broadcast(const uint32_t* from) {
  return _mm256_set1_epi32(static_cast<int>(*from));
}
BIT_TARGET inline __m256 First(Pairs pairs) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}
BIT_TARGET inline __m256 Second(Pairs pairs) {
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000)));
}
BIT_TARGET inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) {
  return _mm256_fmadd_ps(Second(a), Second(b), _mm256_fmadd_ps(First(a), First(b), sum));
}
BIT_TARGET inline Sums Add(Sums a, Sums b) { return _mm256_add_ps(a, b); }
BIT_TARGET inline Sums Widen(const bfloat16* from) {
  const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return First(_mm256_cvtepu16_epi32(values));
}
BIT_TARGET inline void AddTo(float* to, Sums value) {
  _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), value));
}
BIT_TARGET inline void Round(bfloat16* to, Sums value) {
  float values[kLanes];
  _mm256_storeu_ps(values, value);
  for (int64_t i = 0; i < kLanes; i++) to[i] = FromFloat<bfloat16>(values[i]);
}
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace avx2

namespace avx512_bf16 {
#define BIT_TARGET __attribute__((target("avx512f,avx512bf16")))
using Value = bfloat16;
constexpr int64_t kPixels = 8, kStep = 8;
using Pairs = __m512i;
using Sums = __m512;
constexpr int64_t kLanes = 16;
constexpr int kTileRows = 8;
BIT_TARGET inline Sums Zero() { return _mm512_setzero_ps(); }
BIT_TARGET inline Pairs Load(const uint32_t* from) { return _mm512_loadu_si512(from); }
BIT_TARGET inline Pairs Broadcast(const uint32_t* from) {
  return _mm512_set1_epi32(static_cast<int>(*from));
}
BIT_TARGET inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
BIT_TARGET inline Sums Add(Sums a, Sums b) { return _mm512_add_ps(a, b); }
BIT_TARGET inline Sums Widen(const bfloat16* from) {
  const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}
BIT_TARGET inline void AddTo(float* to, Sums value) {
  _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), value));
}
BIT_TARGET inline void Round(bfloat16* to, Sums value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(value));
}
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace avx512_bf16
#endif

}  // namespace

const Bfloat16Products& FindBfloat16Products() {
  static const Bfloat16Products found = []() -> Bfloat16Products {
#ifdef BIT_HAS_X86
    if (__builtin_cpu_supports("avx512bf16"))
      return {avx512_bf16::Products, {avx512_bf16::ConvolvePixels, avx512_bf16::kPixels, kPanelColumns}};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      return {avx2::Products, {avx2::ConvolvePixels, avx2::kPixels, kPanelColumns}};
#endif
    return {plain::Products, {plain::ConvolvePixels, plain::kPixels, kPanelColumns}};
  }();
  return found;
}

}  // namespace bit
