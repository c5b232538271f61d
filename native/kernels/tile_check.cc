// The processor's tiles and what packs for them against plain ones, before they are believed.
#include <vector>

#include "tile_convolution.h"
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

struct Results {
  std::vector<uint16_t> y, dx;
  std::vector<float> dw;
};

template <typename T>
Results Compute(const ConvShape& s) {
  const std::vector<uint16_t> x = MadeBits(s.n * s.h * s.w * s.c, 1);
  const std::vector<uint16_t> dy = MadeBits(s.n * s.oh * s.ow * s.o, 2);
  const std::vector<uint16_t> w = MadeBits(s.kh * s.kw * s.c * s.o, 3), plus = MadeBits(dy.size(), 4);
  Results results = {dy, x, std::vector<float>(w.size())};
  TileConvolve<T>(s, false, x.data(), {w.data(), nullptr}, plus.data(), results.y.data());
  TileConvolve<T>(s, true, dy.data(), {w.data(), nullptr}, nullptr, results.dx.data());
  TileFilterGrad<T>(s, x.data(), dy.data(), results.dw.data());
  return results;
}

template <typename V>
int64_t Differing(const std::vector<V>& a, const std::vector<V>& b) {
  int64_t differing = 0;
  for (size_t i = 0; i < a.size(); i++) differing += std::memcmp(&a[i], &b[i], sizeof a[i]) != 0;
  return differing;
}

std::string FindFault() {
  if (!TilesMissing().empty()) return TilesMissing();
  int64_t differing = 0, all = 0;
  const ConvShape shapes[] = {{3, 5, 7, 32, 5, 7, 64, 3, 3, 1, 1, 1},
                              {2, 9, 7, 64, 5, 4, 32, 3, 3, 2, 1, 1},
                              {2, 4, 4, 64, 4, 4, 96, 1, 1, 1, 0, 0}};
  for (const ConvShape& s : shapes) {
    UseTiles(kProcessorsTiles, [&](auto tiles) {
      const Results got = Compute<decltype(tiles)>(s), wanted = Compute<PlainTiles>(s);
      differing += Differing(got.y, wanted.y) + Differing(got.dx, wanted.dx);
      differing += Differing(got.dw, wanted.dw);
      all += got.y.size() + got.dx.size() + got.dw.size();
    });
  }
  if (differing == 0) return "";
  return std::to_string(differing) + " of " + std::to_string(all) + " values have other bits";
}

}  // namespace

const std::string& TilesFault() {
  static const std::string fault = FindFault();
  return fault;
}

}  // namespace bit
