#include "float32_products.h"

#include <cstring>

#include "numeric.h"

#ifdef BIT_HAS_X86
#include <immintrin.h>
#endif

namespace bit {
namespace {

// For any processor.
namespace plain {
#define BIT_TARGET
using Value = float;
constexpr int64_t kPixels = 6, kStep = 16;
using Sums = float __attribute__((vector_size(16)));
using Pairs = Sums;
constexpr int64_t kLanes = 4;
constexpr int kTileRows = 6;
inline Sums Zero() { return Sums{}; }
inline Sums Widen(const float* from) {
  Sums values;
  std::memcpy(&values, from, sizeof values);
  return values;
}
inline void Round(float* to, Sums values) { std::memcpy(to, &values, sizeof values); }
inline Pairs Load(const uint32_t* from) { return Widen(reinterpret_cast<const float*>(from)); }
inline Pairs Broadcast(const uint32_t* from) {
  float value;
  std::memcpy(&value, from, sizeof value);
  return Pairs{value, value, value, value};
}
inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) { return sum + a * b; }
inline Sums Add(Sums a, Sums b) { return a + b; }
inline void AddTo(float* to, Sums values) { Round(to, Widen(to) + values); }
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace plain

#ifdef BIT_HAS_X86
namespace avx2 {
#define BIT_TARGET __attribute__((target("avx2,fma")))
using Value = float;
constexpr int64_t kPixels = 6, kStep = 16;
using Pairs = __m256;
using Sums = __m256;
constexpr int64_t kLanes = 8;
// Twelve sums, two columns and a row of the sixteen registers.
constexpr int kTileRows = 6;
BIT_TARGET inline Sums Zero() { return _mm256_setzero_ps(); }
BIT_TARGET inline Pairs Load(const uint32_t* from) {
  return _mm256_loadu_ps(reinterpret_cast<const float*>(from));
}
BIT_TARGET inline Pairs Broadcast(const uint32_t* from) {
  return _mm256_broadcast_ss(reinterpret_cast<const float*>(from));
}
BIT_TARGET inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) { return _mm256_fmadd_ps(a, b, sum); }
BIT_TARGET inline Sums Add(Sums a, Sums b) { return _mm256_add_ps(a, b); }
BIT_TARGET inline Sums Widen(const float* from) { return _mm256_loadu_ps(from); }
BIT_TARGET inline void Round(float* to, Sums value) { _mm256_storeu_ps(to, value); }
BIT_TARGET inline void AddTo(float* to, Sums value) { Round(to, Add(Widen(to), value)); }
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace avx2

namespace avx512 {
#define BIT_TARGET __attribute__((target("avx512f")))
using Value = float;
constexpr int64_t kPixels = 8, kStep = 16;
using Pairs = __m512;
using Sums = __m512;
constexpr int64_t kLanes = 16;
// Of the 32 registers: a panel of the one side by one or two vectors of the other, in one or two tiles.
constexpr int kTileRows = 8;
BIT_TARGET inline Sums Zero() { return _mm512_setzero_ps(); }
BIT_TARGET inline Pairs Load(const uint32_t* from) { return _mm512_loadu_ps(from); }
BIT_TARGET inline Pairs Broadcast(const uint32_t* from) {
  return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(*from)));
}
BIT_TARGET inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) { return _mm512_fmadd_ps(a, b, sum); }
BIT_TARGET inline Sums Add(Sums a, Sums b) { return _mm512_add_ps(a, b); }
BIT_TARGET inline Sums Widen(const float* from) { return _mm512_loadu_ps(from); }
BIT_TARGET inline void Round(float* to, Sums value) { _mm512_storeu_ps(to, value); }
BIT_TARGET inline void AddTo(float* to, Sums value) { Round(to, Add(Widen(to), value)); }
#include "panel_tile.h"
#include "pixel_tile.h"
#undef BIT_TARGET
}  // namespace avx512
#endif

}  // namespace

const Float32Products& FindFloat32Products() {
  static const Float32Products found = []() -> Float32Products {
#ifdef BIT_HAS_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      if (__builtin_cpu_supports("avx512f"))
        return {avx512::Products, {avx512::ConvolvePixels, avx512::kPixels, kPanelColumns}};
      return {avx2::Products, {avx2::ConvolvePixels, avx2::kPixels, kPanelRows}};
    }
#endif
    return {plain::Products, {plain::ConvolvePixels, plain::kPixels, kPanelRows}};
  }();
  return found;
}

}  // namespace bit
