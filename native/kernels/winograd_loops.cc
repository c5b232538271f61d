#include "winograd_loops.h"

#include <cstring>

#include "numeric.h"

namespace bit {
namespace {

// For any processor.
namespace plain {
#define BIT_TARGET
using Vector = float __attribute__((vector_size(16)));
constexpr int64_t kLanes = 4;
constexpr int kRowsAtOnce = 6, kPanelsAtOnce = 1;
#include "winograd_loops_of.h"
#undef BIT_TARGET
}  // namespace plain

#ifdef BIT_HAS_X86
namespace avx2 {
#define BIT_TARGET __attribute__((target("avx2,fma")))
using Vector = float __attribute__((vector_size(32)));
constexpr int64_t kLanes = 8;
constexpr int kRowsAtOnce = 6, kPanelsAtOnce = 1;
#include "winograd_loops_of.h"
#undef BIT_TARGET
}  // namespace avx2

namespace avx512 {
#define BIT_TARGET __attribute__((target("avx512f")))
using Vector = float __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;
// A panel is one vector, and each value that is spread over one costs a load: two panels share it.
constexpr int kRowsAtOnce = 12, kPanelsAtOnce = 2;
#include "winograd_loops_of.h"
#undef BIT_TARGET
}  // namespace avx512
#endif

}  // namespace

WinogradLoops FindWinogradLoops() {
#ifdef BIT_HAS_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return __builtin_cpu_supports("avx512f") ? avx512::kLoops : avx2::kLoops;
#endif
  return plain::kLoops;
}

}  // namespace bit
