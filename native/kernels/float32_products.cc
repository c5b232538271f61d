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
using Pairs = float;
using Sums = float;
constexpr int64_t kLanes = 1;
constexpr int kTileRows = 4;
inline Sums Zero() { return 0; }
inline Pairs Load(const uint32_t* from) {
  float value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline Pairs Broadcast(const uint32_t* from) { return Load(from); }
inline Sums MultiplyAdd(Sums sum, Pairs a, Pairs b) { return sum + a * b; }
inline void AddTo(float* to, Sums value) { *to += value; }
#include "panel_tile.h"
#undef BIT_TARGET
}  // namespace plain

#ifdef BIT_HAS_X86
namespace avx2 {
#define BIT_TARGET __attribute__((target("avx2,fma")))
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
BIT_TARGET inline void AddTo(float* to, Sums value) {
  _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), value));
}
#include "panel_tile.h"
#undef BIT_TARGET
}  // namespace avx2
#endif

}  // namespace

PanelProducts FindFloat32Products() {
#ifdef BIT_HAS_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::Products;
#endif
  return plain::Products;
}

}  // namespace bit
