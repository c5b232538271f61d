// The processor's tiles and what packs for them against plain ones, before they are believed.
#include <vector>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "parallel.h"
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

// As on the threads where this is computed, which may not be the one that asks for the check.
class SmallValuesAsZeros {
 public:
#if defined(__SSE__)
  SmallValuesAsZeros() : before_(_mm_getcsr()) { FlushSmallValues(); }
  ~SmallValuesAsZeros() { _mm_setcsr(before_); }

 private:
  const unsigned before_;
#endif
};

// As BitPackKernel packs it.
std::vector<uint32_t> Packed(const ConvShape& s, const std::vector<uint16_t>& w) {
  const int64_t rows = s.kh * s.kw * s.c;
  std::vector<uint32_t> packed(rows / 2 * s.o);
  for (int64_t r = 0; r < rows; r += 2)
    for (int64_t o = 0; o < s.o; o++) {
      const uint32_t low = w[r * s.o + o], high = w[(r + 1) * s.o + o];
      packed[(o / 32 * (rows / 2) + r / 2) * 32 + o % 32] = low | high << 16;
    }
  return packed;
}

// Without a normalization and with one; `turned` is of a packed kernel.
struct Results {
  std::vector<uint16_t> y, normalized_y, dx, turned;
  std::vector<float> dw, normalized_dw;
  std::vector<double> moments;
};

template <typename T>
Results Compute(const ConvShape& s) {
  const std::vector<uint16_t> x = MadeBits(s.n * s.h * s.w * s.c, 1);
  const std::vector<uint16_t> dy = MadeBits(s.n * s.oh * s.ow * s.o, 2);
  const std::vector<uint16_t> w = MadeBits(s.kh * s.kw * s.c * s.o, 3), plus = MadeBits(dy.size(), 4);
  std::vector<float> factors;
  for (const uint16_t bits : MadeBits(s.n * 2 * s.c, 5)) factors.push_back(ToFloat(bfloat16{bits}));
  const std::vector<float> no_dw(w.size());
  Results r = {dy, dy, x, x, no_dw, no_dw, std::vector<double>(s.n * 2 * s.o)};
  const TileKernel kernel = {w.data(), nullptr};
  TileConvolve<T>(s, false, x.data(), kernel, {nullptr, plus.data(), nullptr}, r.y.data());
  TileConvolve<T>(s, false, x.data(), kernel, {factors.data(), plus.data(), r.moments.data()},
                  r.normalized_y.data());
  TileConvolve<T>(s, true, dy.data(), kernel, {}, r.dx.data());
  const std::vector<uint32_t> packed = Packed(s, w);
  TileConvolve<T>(s, true, dy.data(), {nullptr, packed.data()}, {}, r.turned.data());
  TileFilterGrad<T>(s, x.data(), nullptr, dy.data(), r.dw.data());
  TileFilterGrad<T>(s, x.data(), factors.data(), dy.data(), r.normalized_dw.data());
  return r;
}

struct Comparison {
  int64_t differing = 0, all = 0;

  template <typename V>
  void Add(const std::vector<V>& a, const std::vector<V>& b) {
    for (size_t i = 0; i < a.size(); i++) differing += std::memcmp(&a[i], &b[i], sizeof a[i]) != 0;
    all += a.size();
  }
};

std::string FindFault() {
  if (!TilesMissing().empty()) return TilesMissing();
  const SmallValuesAsZeros zeros;
  Comparison comparison;
  const ConvShape shapes[] = {{3, 5, 7, 32, 5, 7, 64, 3, 3, 1, 1, 1},
                              {2, 9, 7, 64, 5, 4, 32, 3, 3, 2, 1, 1},
                              {2, 4, 4, 64, 4, 4, 96, 1, 1, 1, 0, 0}};
  for (const ConvShape& s : shapes) {
    UseTiles(kProcessorsTiles, [&](auto tiles) {
      const Results got = Compute<decltype(tiles)>(s), wanted = Compute<PlainTiles>(s);
      comparison.Add(got.y, wanted.y);
      comparison.Add(got.normalized_y, wanted.normalized_y);
      comparison.Add(got.moments, wanted.moments);
      comparison.Add(got.dx, wanted.dx);
      comparison.Add(got.turned, wanted.dx);
      comparison.Add(got.dw, wanted.dw);
      comparison.Add(got.normalized_dw, wanted.normalized_dw);
    });
  }
  if (comparison.differing == 0) return "";
  return std::to_string(comparison.differing) + " of " + std::to_string(comparison.all) +
         " values have other bits";
}

}  // namespace

const std::string& TilesFault() {
  static const std::string fault = FindFault();
  return fault;
}

}  // namespace bit
