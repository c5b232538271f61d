// What each pixel of a convolution's result meets, forward and turned round, where images are read as they lie.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "bfloat16_products.h"
#include "pack_pairs.h"

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

struct Geometry {
  int64_t images, height, width, in;   // what is read
  int64_t out_height, out_width, out;  // what is made
  int64_t step, spacing;
  std::vector<Part> parts;
  int64_t pairs() const { return in / 2; }
  int64_t panels() const { return CeilDiv(out, kPanelColumns); }
};

struct Kernel {
  int64_t height, width, stride, pad_top, pad_left;
};

inline void AddParts(const Kernel& k, bool turned, Geometry* g) {
  g->step = turned ? 1 : k.stride;
  g->spacing = turned ? k.stride : 1;
  int64_t packed = 0;
  for (int64_t ry = 0; ry < g->spacing; ry++)
    for (int64_t rx = 0; rx < g->spacing; rx++) {
      const int64_t height = CeilDiv(std::max<int64_t>(0, g->out_height - ry), g->spacing);
      const int64_t width = CeilDiv(std::max<int64_t>(0, g->out_width - rx), g->spacing);
      Part part = {height, width, ry, rx, {}, packed};
      for (int64_t ky = 0; ky < k.height; ky++)
        for (int64_t kx = 0; kx < k.width; kx++) {
          const int64_t y = turned ? ry + k.pad_top - ky : ky - k.pad_top;
          const int64_t x = turned ? rx + k.pad_left - kx : kx - k.pad_left;
          // C++ divides towards zero, and so do the remainders: exact ones are the same either way.
          if (turned && (y % k.stride != 0 || x % k.stride != 0)) continue;
          const int64_t by = turned ? k.stride : 1;
          part.places.push_back({ky * k.width + kx, y / by, x / by});
        }
      packed += static_cast<int64_t>(part.places.size()) * g->out * g->pairs();
      g->parts.push_back(std::move(part));
    }
}

// Pixels of x from one on.
struct Pixels {
  const bfloat16* values;
  int64_t first;
};

// kPixels pixels of a part: what each of its places meets, from [places, kPixels], and where in the
// result they are, or -1 after the last.
inline void FindPixels(const Geometry& g, const Part& part, const Pixels& x, int64_t first,
                       const bfloat16* zeros, const bfloat16** from, int64_t* result) {
  int64_t j = first % part.width, i = first / part.width % part.height;
  int64_t n = first / part.width / part.height;
  for (int64_t r = 0; r < kPixels; r++) {
    const bool there = n < g.images;
    const int64_t y = part.first_y + i * g.spacing, z = part.first_x + j * g.spacing;
    result[r] = there ? (n * g.out_height + y) * g.out_width + z : -1;
    const bfloat16** place_from = from + r;
    for (const Place& place : part.places) {
      const int64_t iy = i * g.step + place.y, ix = j * g.step + place.x;
      const bool meets = there && iy >= 0 && iy < g.height && ix >= 0 && ix < g.width;
      const int64_t at = (n * g.height + iy) * g.width + ix - x.first;
      *place_from = meets ? x.values + at * g.in : zeros;
      place_from += kPixels;
    }
    if (++j < part.width) continue;
    j = 0;
    if (++i < part.height) continue;
    i = 0;
    n++;
  }
}

}  // namespace bit
