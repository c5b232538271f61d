// What each pixel of a convolution's result meets, forward and turned round, where images are read as they lie.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "pixel_list.h"
#include "vector_packing.h"

namespace bit {

// A place of the kernel, and the pixel that it meets, from i * step and j * step of a part on.
struct Place {
  int64_t kernel, y, x;
};

// Pixels of the result that meet the same places: those at first + i * spacing, all of them forward,
// and turned round those of the same place modulo the stride.
struct Part {
  int64_t height, width, first_y, first_x;
  std::vector<Place> places;
  int64_t packed;  // where its part of the packed kernel begins
};

template <typename T>
struct Geometry {
  int64_t images, height, width, in;   // what is read
  int64_t out_height, out_width, out;  // what is made
  int64_t step, spacing;
  std::vector<Part> parts;

  Geometry(const ConvShape& s, bool turned);
  // Values of k that are a pixel's channels.
  int64_t depth() const { return in / Packing<T>::kTogether; }
};

template <typename T>
Geometry<T>::Geometry(const ConvShape& s, bool turned) : images(s.n) {
  height = s.h, width = s.w, in = s.c, out_height = s.oh, out_width = s.ow, out = s.o;
  if (turned) std::swap(height, out_height), std::swap(width, out_width), std::swap(in, out);
  step = turned ? 1 : s.stride;
  spacing = turned ? s.stride : 1;
  int64_t packed = 0;
  for (int64_t ry = 0; ry < spacing; ry++)
    for (int64_t rx = 0; rx < spacing; rx++) {
      const int64_t height = CeilDiv(std::max<int64_t>(0, out_height - ry), spacing);
      const int64_t width = CeilDiv(std::max<int64_t>(0, out_width - rx), spacing);
      Part part = {height, width, ry, rx, {}, packed};
      for (int64_t ky = 0; ky < s.kh; ky++)
        for (int64_t kx = 0; kx < s.kw; kx++) {
          const int64_t y = turned ? ry + s.top - ky : ky - s.top;
          const int64_t x = turned ? rx + s.left - kx : kx - s.left;
          // C++ divides towards zero, and so do the remainders: exact ones are the same either way.
          if (turned && (y % s.stride != 0 || x % s.stride != 0)) continue;
          const int64_t by = turned ? s.stride : 1;
          part.places.push_back({ky * s.kw + kx, y / by, x / by});
        }
      packed += static_cast<int64_t>(part.places.size()) * out * depth();
      parts.push_back(std::move(part));
    }
}

// Pixels of x from one on.
template <typename T>
struct Pixels {
  const T* values;
  int64_t first;
};

// So many pixels of a part: what each of its places meets, from [places, pixels], and where in the result they are,
// or -1 after the last.
template <typename T>
void FindPixels(const Geometry<T>& g, const Part& part, const Pixels<T>& x, int64_t first, int64_t pixels,
                const T* zeros, const T** from, int64_t* result) {
  int64_t j = first % part.width, i = first / part.width % part.height;
  int64_t n = first / part.width / part.height;
  for (int64_t r = 0; r < pixels; r++) {
    const bool there = n < g.images;
    const int64_t y = part.first_y + i * g.spacing, z = part.first_x + j * g.spacing;
    result[r] = there ? (n * g.out_height + y) * g.out_width + z : -1;
    const T** place_from = from + r;
    for (const Place& place : part.places) {
      const int64_t iy = i * g.step + place.y, ix = j * g.step + place.x;
      const bool meets = there && iy >= 0 && iy < g.height && ix >= 0 && ix < g.width;
      const int64_t at = (n * g.height + iy) * g.width + ix - x.first;
      *place_from = meets ? x.values + at * g.in : zeros;
      place_from += pixels;
    }
    if (++j < part.width) continue;
    j = 0;
    if (++i < part.height) continue;
    i = 0;
    n++;
  }
}

}  // namespace bit
