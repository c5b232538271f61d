// Images as squares of 4 x 4 pixels of a Winograd convolution's result, and what these meet, spread to points.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pack_pairs.h"
#include "parallel.h"
#include "winograd.h"
#include "winograd_loops.h"

namespace bit {

struct Squares {
  static constexpr int kSize = kWinogradSquare;

  explicit Squares(const WinogradShape& s)
      : height(s.height), width(s.width), down(CeilDiv(height, kSize)), across(CeilDiv(width, kSize)),
        count(s.images * down * across) {}

  int64_t image(int64_t t) const { return t / across / down; }

  // The pixels, of `channels` each, of square t: `size` rows and columns from `before` pixels before its own on.
  // Those outside the image are `outside`.
  template <typename Value>
  void Find(int64_t t, int size, int before, Value* images, int64_t channels, Value* outside, Value** to) const {
    const int64_t y0 = t / across % down * kSize - before, x0 = t % across * kSize - before;
    for (int64_t y = y0; y < y0 + size; y++)
      for (int64_t x = x0; x < x0 + size; x++) {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        *to++ = inside ? images + ((image(t) * height + y) * width + x) * channels : outside;
      }
  }

  int64_t height, width, down, across, count;
};

// What is spread of squares [first, first + count), `pitch` apart at each point: by all threads, or `alone` by one.
struct SpreadSquares {
  const Squares& squares;
  int64_t first, count, channels;
  Spacing at;
  int64_t pitch;
  bool alone = false;

  // What the squares meet in images x; by `factors`, [images, 2, channels], where they are not null.
  void OfImages(const WinogradLoops& loops, const float* x, const float* factors, float* to) const {
    const std::vector<float> zeros(channels);
    ForEach([&](int64_t t, const float** pixels) {
      squares.Find(first + t, Squares::kSize + 2, 1, x, channels, zeros.data(), pixels);
      const float* by = factors == nullptr ? nullptr : factors + squares.image(first + t) * 2 * channels;
      loops.images(pixels, {by, zeros.data()}, channels, at, to + t * pitch);
    });
  }

  // Gradients of the result, dy.
  void OfGradients(const WinogradLoops& loops, const float* dy, float* to) const {
    const std::vector<float> zeros(channels);
    ForEach([&](int64_t t, const float** pixels) {
      squares.Find(first + t, Squares::kSize, 0, dy, channels, zeros.data(), pixels);
      loops.gradients(pixels, channels, at, to + t * pitch);
    });
  }

 private:
  // Some squares after the other on one thread.
  template <typename One>
  void ForEach(const One& one) const {
    const auto some = [&](int64_t begin, int64_t end) {
      const float* pixels[kWinogradPoints];
      for (int64_t t = begin; t < end; t++) one(t, pixels);
    };
    if (alone) return some(0, count);
    constexpr int64_t kTogether = 8;
    ParallelFor(CeilDiv(count, kTogether),
                [&](int64_t task) { some(task * kTogether, std::min(count, (task + 1) * kTogether)); });
  }
};

// Rows of points lie so many values more apart, lest all be in the same place of a cache.
inline constexpr int64_t kPointsApart = 16;
// What is spread at a time, at most: it shall stay in the last cache.
inline constexpr int64_t kSpreadBytes = 8 << 20;

}  // namespace bit
