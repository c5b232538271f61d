// Sums and sums of squares by image and channel of what a convolution on tiles makes: of these a group
// normalization takes its mean and its variance.
//
// Who adds them up when depends on the threads and on where blocks of 32 pixels begin, so the sums must not.
// An image's rows are in segments of up to 64 pixels, or of one row; a task has whole ones. Each has sums of its own, in
// float32, to which its pixels are added one after the other; an image's segments are then added in float64:
//
//   rows of two images, blocks of 32 pixels:     |--------|--------|--------|--------|--------|
//   segments of sums:                            |-----------|------|-----------|------|
//                                                 image 0            image 1
//
// A one-pass variance loses what the mean's square has over it. Here that is nothing: the values are bfloat16,
// of 8 bits. Where 64 of them are about the same, their sum has 14 bits and that of their squares 22, of the 24
// that float32 has: both are exact.
#pragma once
#include <algorithm>
#include <cstdint>

#include "pack_pairs.h"
#include "parallel.h"

namespace bit {

struct MomentSegments {
  int64_t rows = 1;  // of an image in a segment: a power of two
  int64_t count;     // of an image
  // Of images of so many rows of `width` pixels.
  MomentSegments(int64_t image_rows, int64_t width) {
    while (2 * rows * width <= 64 && rows < image_rows) rows *= 2;
    count = CeilDiv(image_rows, rows);
  }
  int64_t at(int64_t image, int64_t row) const { return image * count + row / rows; }
};

// Segments' sums [images, count, 2, channels] to those of images, `moments` [images, 2, channels].
inline void JoinSegments(const MomentSegments& segments, int64_t images, int64_t channels,
                         const float* sums, double* moments) {
  ParallelFor(images, [&](int64_t n) {
    double* to = moments + n * 2 * channels;
    std::fill(to, to + 2 * channels, 0.0);
    for (int64_t k = 0; k < segments.count; k++) {
      const float* from = sums + (n * segments.count + k) * 2 * channels;
      for (int64_t i = 0; i < 2 * channels; i++) to[i] += from[i];
    }
  });
}

}  // namespace bit
