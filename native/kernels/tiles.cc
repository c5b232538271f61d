#include "tiles.h"

#include <stdexcept>

#ifdef BIT_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "wide.h"
#endif

namespace bit {
namespace {

// Source: Intel's Software Developer's Manual, TDPBF16PS. Even and odd products are summed apart, each
// by fused multiplications and additions.
BIT_INLINE void MultiplyAll(const uint16_t* a, const uint16_t* b, float* sums) {
  float right[16][2][16];
  for (int k = 0; k < 16; k++)
    for (int i = 0; i < 2; i++)
      for (int n = 0; n < 16; n++) right[k][i][n] = Normal(ToFloat(bfloat16{b[k * 32 + 2 * n + i]}));
  for (int m = 0; m < 16; m++) {
    float apart[2][16] = {};
    for (int k = 0; k < 16; k++)
      for (int i = 0; i < 2; i++) {
        const float left = Normal(ToFloat(bfloat16{a[m * 32 + 2 * k + i]}));
        for (int n = 0; n < 16; n++)
          apart[i][n] = Normal(__builtin_fmaf(left, right[k][i][n], apart[i][n]));
      }
    for (int n = 0; n < 16; n++) {
      float& sum = sums[m * 16 + n];
      sum = Normal(Normal(sum) + Normal(apart[0][n] + apart[1][n]));
    }
  }
}

void MultiplyAnywhere(const uint16_t* a, const uint16_t* b, float* sums) { MultiplyAll(a, b, sums); }
#ifdef BIT_HAS_AMX
// The C library's fmaf is a call for each value.
__attribute__((target("avx2,fma"))) void MultiplyFused(const uint16_t* a, const uint16_t* b,
                                                       float* sums) {
  MultiplyAll(a, b, sums);
}
#endif

std::string FindTiles() {
#ifdef BIT_HAS_AMX
  unsigned a, b, c, d;
  constexpr unsigned kBfloat16 = 1u << 22, kTile = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kBfloat16) == 0 || (d & kTile) == 0)
    return "the processor has no AMX for bfloat16";
  // What packs for tiles uses these, and would be too slow without.
  if (!RunsWide()) return "the processor has AMX, but no AVX-512 for bfloat16";
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // arch/x86/include/uapi/asm/prctl.h
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return "";
  return std::string("the system does not let this process use AMX: ") + std::strerror(errno);
#else
  return "AMX is used on Linux on x86-64, where a compiler of 2020 or later made the operations";
#endif
}

}  // namespace

void MultiplyPlainTiles(const uint16_t* a, const uint16_t* b, float* sums) {
#ifdef BIT_HAS_AMX
  static const bool fused = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fused) return MultiplyFused(a, b, sums);
#endif
  MultiplyAnywhere(a, b, sums);
}

const std::string& TilesMissing() {
  static const std::string missing = FindTiles();
  return missing;
}

void RequireTiles(int tiles) {
  if (tiles != kProcessorsTiles) return;
  if (!TilesMissing().empty()) throw std::runtime_error("no tiles: " + TilesMissing());
  if (!TilesFault().empty()) throw std::runtime_error("tiles are wrong: " + TilesFault());
}

}  // namespace bit
