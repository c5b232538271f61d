// What surrounds the products of tiles: pixels and kernels are laid out for them, and sums are rounded.
// Counts of channels are multiples of 32.
#pragma once
#include <cstdint>

#include "pixel_list.h"
#include "tiles.h"

namespace bit {

// Where a pixel's sums go.
struct SumsPlace {
  int64_t pixel;    // among the result's pixels; -1 where they stand for none
  int64_t segment;  // of moments
};

// What sums [pixels, channels] become.
struct SumsResult {
  const uint16_t* plus;  // added before they are rounded, unless it is null
  uint16_t* y;
  float* moments;  // [segments, 2, channels], to which the rounded ones and their squares are added, or null
  int64_t channels;
};

// max(0, x * scale + offset), a factor for each channel of a pixel.
struct Normalization {
  const float *scale, *offset;
};

struct TileLoops {
  // `count` pixels (a multiple of 32), channels [first, first + n), to [n, pitch] values: a channel's
  // pixels in a row.
  void (*turned)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                 int64_t pitch);
  // The same of normalized ones. Pixel q's scales are factors[q] [2, channels], then come its offsets.
  void (*normalized_turned)(const Pixel* pixels, const float* const* factors, int64_t channels, int64_t count,
                            int64_t first, int64_t n, uint16_t* to, int64_t pitch);
  // `count` pixels (even), channels [first, first + n), to panels [n / 32] of [count / 2, 32] pairs.
  void (*pairs)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to);
  // One place of a kernel, [in, columns] from column o on, or turned [columns, in] from row o on, to a
  // panel of [in / 2, 32] pairs.
  void (*kernel)(const uint16_t* w, bool turned, int64_t in, int64_t columns, int64_t o, uint32_t* to);
  // Of a kernel that is packed for the way forward, panels of [rows / 2, 32] pairs `pitch` pairs apart, what `kernel`
  // makes of it turned: rows of 32 channels begin at `from`, `in` is how many filters there are.
  void (*turned_kernel)(const uint32_t* from, int64_t pitch, int64_t in, uint32_t* to);
  // `count` pixels of n channels, normalized, side by side. Those that are `zeros` stay zero.
  void (*normalized)(const Pixel* pixels, int64_t count, int64_t n, Pixel zeros, const Normalization& by,
                     uint16_t* to);
  // Sums [32, 32], of which row r is for 32 channels from `column` on of to[r].
  void (*finish)(const float* sums, const SumsPlace* to, int64_t column, const SumsResult& result);
};

// Those that any processor runs.
const TileLoops& PlainLoops();

#ifdef BIT_HAS_X86
// Those by AVX-512 and its instructions on bfloat16; the same values.
extern const TileLoops kWideLoops;
#endif

// The fastest of this processor.
const TileLoops& FastestLoops();

// What goes with these tiles.
template <typename T>
const TileLoops& LoopsFor();
template <>
inline const TileLoops& LoopsFor<PlainTiles>() {
  return PlainLoops();
}
#ifdef BIT_HAS_AMX
template <>
inline const TileLoops& LoopsFor<AmxTiles>() {
  return FastestLoops();
}
#endif

// `count` pixels of n channels side by side.
void PackPixels(const Pixel* pixels, int64_t count, int64_t n, uint16_t* to);

// By what images are normalized that lie in a list of pixels, `pixels` each, one after the other.
struct ImageFactors {
  const float* factors;  // [images, 2, channels]
  int64_t images, pixels, channels;
};

// `count` pixels of that list, of which the first is the one at `at`, side by side, normalized.
void PackNormalized(const TileLoops& loops, const ImageFactors& by, const Pixel* found, int64_t at,
                    int64_t count, Pixel zeros, uint16_t* to);

// The factors [2, channels] of `count` pixels of that list, of which the first is the one at `at`: those that are
// `zeros` get `nothing`, which are zeros too.
void FindFactors(const ImageFactors& by, const Pixel* found, int64_t at, int64_t count, Pixel zeros,
                 const float* nothing, const float** to);

}  // namespace bit
