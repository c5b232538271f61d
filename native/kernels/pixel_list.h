// What a convolution of bfloat16 images [n, h, w, c] reads, seen as one list of pixels, row after row and
// image after image, with as many zeros between rows and between images that a shift never meets a
// neighbour: a place of the kernel is then one offset in this list, whatever the row. A stride makes
// several such lists ("phases"): pixels by their place modulo the stride.
//
//   two images [1, 3], kernel 1 x 3, padding 1:     . a b c . d e f .      (zeros are shared)
//   they meet place 0 of the kernel at offset 0, place 1 at offset 1, place 2 at offset 2
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pack_pairs.h"

namespace bit {

// x [n, h, w, c], kernel [kh, kw, c, o], y [n, oh, ow, o].
struct ConvShape {
  int64_t n, h, w, c, oh, ow, o, kh, kw, stride, top, left;
};

// A pixel's channels.
using Pixel = const uint16_t*;

inline int64_t RoundUp(int64_t a, int64_t b) { return CeilDiv(a, b) * b; }

// One direction of what is read: `out` positions of the result from `first` on, `reach` more behind them.
struct ListAxis {
  int64_t size, step, first, out, reach;
  // Positions of an image in the list.
  int64_t pitch() const {
    // The zeros before an image serve as those behind the one before.
    const int64_t before = -first, behind = reach + first;
    const bool shared = step == 1 && size == out && before >= 0 && behind >= 0;
    return out + (shared ? std::max(before, behind) : reach);
  }
};

// A place of the kernel, the phase that it meets, and how far from the result's position.
struct Tap {
  int64_t kernel, phase, y, x;
};

// Pixels of the result that meet the same places, `spacing` apart: all of them forward.
struct ListPart {
  int64_t first_y, first_x, height, width;
  std::vector<Tap> taps;
};

struct PixelList {
  ListAxis y, x;
  int64_t images, in, out, out_height, out_width, phases_y, phases_x, spacing;
  int64_t pitch, rows;  // pixels of a row, rows of an image
  std::vector<ListPart> parts;

  // x, as the convolution reads it.
  static PixelList OfImages(const ConvShape& s) {
    PixelList list;
    list.in = s.c, list.out = s.o, list.out_height = s.oh, list.out_width = s.ow, list.spacing = 1;
    list.phases_y = std::min(s.kh, s.stride), list.phases_x = std::min(s.kw, s.stride);
    list.SetAxes(s.n, {s.h, s.stride, -s.top, s.oh, (s.kh - 1) / s.stride},
                 {s.w, s.stride, -s.left, s.ow, (s.kw - 1) / s.stride});
    ListPart part = {0, 0, s.oh, s.ow, {}};
    for (int64_t ky = 0; ky < s.kh; ky++)
      for (int64_t kx = 0; kx < s.kw; kx++)
        part.taps.push_back({ky * s.kw + kx, ky % s.stride * list.phases_x + kx % s.stride,
                             ky / s.stride, kx / s.stride});
    list.parts.push_back(part);
    return list;
  }

  // dy, as the gradient by the images reads it: the convolution turned round.
  static PixelList OfGradient(const ConvShape& s) {
    PixelList list;
    list.in = s.o, list.out = s.c, list.out_height = s.h, list.out_width = s.w, list.spacing = s.stride;
    list.phases_y = list.phases_x = 1;
    list.SetAxes(s.n, Turned(s.oh, s.h, s.kh, s.stride, s.top),
                 Turned(s.ow, s.w, s.kw, s.stride, s.left));
    for (int64_t ry = 0; ry < s.stride; ry++)
      for (int64_t rx = 0; rx < s.stride; rx++) {
        const auto size = [&](int64_t all, int64_t first) {
          return CeilDiv(std::max<int64_t>(0, all - first), s.stride);
        };
        ListPart part = {ry, rx, size(s.h, ry), size(s.w, rx), {}};
        for (int64_t ky = 0; ky < s.kh; ky++)
          for (int64_t kx = 0; kx < s.kw; kx++) {
            // C++ divides towards zero, and so do the remainders: exact ones are the same either way.
            const int64_t a = ry + s.top - ky, b = rx + s.left - kx;
            if (a % s.stride != 0 || b % s.stride != 0) continue;
            part.taps.push_back({ky * s.kw + kx, 0, a / s.stride - list.y.first,
                                 b / s.stride - list.x.first});
          }
        list.parts.push_back(part);
      }
    return list;
  }

  // dy, whose pixels are where x's meet place 0 of the kernel.
  static PixelList OfResult(const ConvShape& s) {
    const PixelList read = OfImages(s);
    PixelList list = OfImages({s.n, s.oh, s.ow, s.o, s.oh, s.ow, s.o, 1, 1, 1, 0, 0});
    list.pitch = read.pitch, list.rows = read.rows;
    return list;
  }

  int64_t all_rows() const { return images * rows; }
  int64_t phases() const { return phases_y * phases_x; }
  int64_t reach() const { return y.reach * pitch + x.reach; }
  int64_t offset(const Tap& tap) const { return tap.y * pitch + tap.x; }
  // Whether the list is the images as they lie.
  bool plain() const {
    return parts.size() == 1 && reach() == 0 && y.step == 1 && x.step == 1 && y.first == 0 &&
           x.first == 0 && x.size == x.out && y.size == y.out;
  }

  // The pixels of rows [begin, end), of one phase, and `more` behind them. Those that no image has are
  // `zeros`: padding must be real zeros, since 0 times whatever lies there could be NaN.
  void Find(const uint16_t* from, int64_t phase, int64_t begin, int64_t end, int64_t more, Pixel zeros,
            Pixel* to) const {
    const int64_t py = phase / phases_x, px = phase % phases_x;
    const int64_t last = end + CeilDiv(more, pitch);
    int64_t left = (end - begin) * pitch + more;
    for (int64_t row = begin; row < last; row++) {
      const int64_t n = row / rows, iy = row % rows * y.step + y.first + py;
      const bool there = n < images && iy >= 0 && iy < y.size;
      const uint16_t* pixels = from + (n * y.size + iy) * x.size * in;
      for (int64_t j = 0; j < pitch && left > 0; j++, left--) {
        const int64_t ix = j * x.step + x.first + px;
        *to++ = there && ix >= 0 && ix < x.size ? pixels + ix * in : zeros;
      }
    }
  }

 private:
  void SetAxes(int64_t n, const ListAxis& vertical, const ListAxis& horizontal) {
    images = n, y = vertical, x = horizontal;
    pitch = x.pitch(), rows = y.pitch();
  }

  static ListAxis Turned(int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t before) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (int64_t r = 0; r < stride; r++)
      for (int64_t k = 0; k < kernel; k++) {
        if ((r + before - k) % stride != 0) continue;
        least = std::min(least, (r + before - k) / stride);
        most = std::max(most, (r + before - k) / stride);
      }
    return {size, 1, least, CeilDiv(out, stride), most - least};
  }
};

}  // namespace bit
