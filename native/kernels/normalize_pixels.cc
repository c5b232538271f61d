#include "normalize_pixels.h"

#include <algorithm>
#include <vector>

#include "group_norm.h"
#include "parallel.h"

namespace bit {
namespace {

void Normalize(const ImageFactors& by, const bfloat16* x, int64_t begin, int64_t end, bfloat16* to) {
  std::vector<Pixel> pixels(end - begin);
  for (int64_t i = begin; i < end; i++)
    pixels[i - begin] = reinterpret_cast<Pixel>(x + i * by.channels);
  PackNormalized(FastestLoops(), by, pixels.data(), begin, end - begin, nullptr,
                 reinterpret_cast<uint16_t*>(to));
}

void Normalize(const ImageFactors& by, const float* x, int64_t begin, int64_t end, float* to) {
  while (begin < end) {  // an image after the other
    const int64_t image = begin / by.pixels, count = std::min(end, (image + 1) * by.pixels) - begin;
    const float* scale = by.factors + image * 2 * by.channels;
    ScaleRelu(x + begin * by.channels, count, by.channels, scale, scale + by.channels, to);
    begin += count, to += count * by.channels;
  }
}

}  // namespace

template <typename T>
const T* NormalizePixels(const ImageFactors& by, const T* x, int64_t begin, int64_t end, Scratch* scratch) {
  T* room = scratch->Room<T>((end - begin) * by.channels);
  Normalize(by, x, begin, end, room);
  return room;
}

template <typename T>
const T* NormalizeImages(const ImageFactors& by, const T* x, SharedScratch* scratch) {
  constexpr int64_t kAtOnce = 256;
  const int64_t all = by.images * by.pixels;
  T* room = scratch->Room<T>(all * by.channels);
  ParallelFor(CeilDiv(all, kAtOnce), [&](int64_t task) {
    const int64_t begin = task * kAtOnce, end = std::min(begin + kAtOnce, all);
    Normalize(by, x, begin, end, room + begin * by.channels);
  });
  return room;
}

#define BIT_NORMALIZE_FOR(T)                                                                        \
  template const T* NormalizePixels(const ImageFactors&, const T*, int64_t, int64_t, Scratch*);     \
  template const T* NormalizeImages(const ImageFactors&, const T*, SharedScratch*);
BIT_NORMALIZE_FOR(float)
BIT_NORMALIZE_FOR(bfloat16)
#undef BIT_NORMALIZE_FOR

}  // namespace bit
