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

struct PixelList {
  ListAxis y, x;
  int64_t images, channels, phases_y, phases_x;
  int64_t pitch, rows;  // pixels of a row, rows of an image
  std::vector<Tap> taps;

  // Of x, as the convolution meets it.
  explicit PixelList(const ConvShape& s)
      : y{s.h, s.stride, -s.top, s.oh, (s.kh - 1) / s.stride},
        x{s.w, s.stride, -s.left, s.ow, (s.kw - 1) / s.stride},
        images(s.n),
        channels(s.c),
        phases_y(std::min(s.kh, s.stride)),
        phases_x(std::min(s.kw, s.stride)),
        pitch(x.pitch()),
        rows(y.pitch()) {
    for (int64_t ky = 0; ky < s.kh; ky++)
      for (int64_t kx = 0; kx < s.kw; kx++)
        taps.push_back({ky * s.kw + kx, ky % s.stride * phases_x + kx % s.stride, ky / s.stride,
                        kx / s.stride});
  }

  // Of y, whose pixels are where x's meet place 0 of the kernel.
  static PixelList OfResult(const ConvShape& s) {
    const PixelList read(s);
    PixelList list({s.n, s.oh, s.ow, s.o, s.oh, s.ow, s.o, 1, 1, 1, 0, 0});
    list.pitch = read.pitch, list.rows = read.rows;
    return list;
  }

  int64_t phases() const { return phases_y * phases_x; }
  int64_t reach() const { return y.reach * pitch + x.reach; }
  int64_t offset(const Tap& tap) const { return tap.y * pitch + tap.x; }

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
      const uint16_t* pixels = from + (n * y.size + iy) * x.size * channels;
      for (int64_t j = 0; j < pitch && left > 0; j++, left--) {
        const int64_t ix = j * x.step + x.first + px;
        *to++ = there && ix >= 0 && ix < x.size ? pixels + ix * channels : zeros;
      }
    }
  }
};

}  // namespace bit
