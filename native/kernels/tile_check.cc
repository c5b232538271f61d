// The processor's tiles and what packs for them against plain ones, before they are believed.
#include <vector>

#include "tile_filter_grad.h"
#include "tiles.h"

namespace bit {
namespace {

// Bits of bfloat16 values of many sizes, some of them, and some of their products, too small to be normal.
std::vector<uint16_t> MadeBits(int64_t count, uint32_t seed) {
  std::vector<uint16_t> values(count);
  uint32_t state = seed;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525 + 1013904223;
    const uint32_t random = state >> 8, kind = random % 19;
    const uint32_t exponent = kind == 0 ? 0 : kind == 1 ? 58 : 117 + random / 19 % 16;
    values[i] = static_cast<uint16_t>((random >> 8 & 0x807f) | exponent << 7);
  }
  return values;
}

#ifdef BIT_HAS_AMX
int64_t Differing(const ConvShape& s) {
  const std::vector<uint16_t> x = MadeBits(s.n * s.h * s.w * s.c, 1);
  const std::vector<uint16_t> dy = MadeBits(s.n * s.oh * s.ow * s.o, 2);
  std::vector<float> got(s.kh * s.kw * s.c * s.o), wanted(got.size());
  TileFilterGrad<AmxTiles>(s, x.data(), dy.data(), got.data());
  TileFilterGrad<PlainTiles>(s, x.data(), dy.data(), wanted.data());
  int64_t differing = 0;
  for (size_t i = 0; i < got.size(); i++) differing += std::memcmp(&got[i], &wanted[i], 4) != 0;
  return differing;
}
#endif

std::string FindFault() {
#ifdef BIT_HAS_AMX
  const int64_t differing =
      Differing({3, 5, 7, 32, 5, 7, 64, 3, 3, 1, 1, 1}) + Differing({2, 9, 7, 64, 5, 4, 32, 3, 3, 2, 1, 1});
  if (differing != 0) return std::to_string(differing) + " of 36864 values have other bits";
#endif
  return "";
}

}  // namespace

const std::string& TilesFault() {
  static const std::string fault = FindFault();
  return fault;
}

}  // namespace bit
