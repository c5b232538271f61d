#include "normalize_pixels.h"

#include <vector>

#include "parallel.h"

namespace bit {
namespace {

void Normalize(const ImageFactors& by, const bfloat16* x, int64_t begin, int64_t end, uint16_t* to) {
  std::vector<Pixel> pixels(end - begin);
  for (int64_t i = begin; i < end; i++)
    pixels[i - begin] = reinterpret_cast<Pixel>(x + i * by.channels);
  PackNormalized(FastestLoops(), by, pixels.data(), begin, end - begin, nullptr, 0, by.channels, to);
}

}  // namespace

const bfloat16* NormalizePixels(const ImageFactors& by, const bfloat16* x, int64_t begin, int64_t end,
                                Scratch* scratch) {
  uint16_t* room = scratch->Room<uint16_t>((end - begin) * by.channels);
  Normalize(by, x, begin, end, room);
  return reinterpret_cast<const bfloat16*>(room);
}

const bfloat16* NormalizeImages(const ImageFactors& by, const bfloat16* x, Scratch* large) {
  constexpr int64_t kAtOnce = 256;
  const int64_t all = by.images * by.pixels;
  static thread_local Scratch kept;
  const bool keeps = all * by.channels * sizeof(uint16_t) <= kKeptBytes;
  uint16_t* room = (keeps ? kept : *large).Room<uint16_t>(all * by.channels);
  ParallelFor(CeilDiv(all, kAtOnce), [&](int64_t task) {
    const int64_t begin = task * kAtOnce, end = std::min(begin + kAtOnce, all);
    Normalize(by, x, begin, end, room + begin * by.channels);
  });
  return reinterpret_cast<const bfloat16*>(room);
}

}  // namespace bit
