// What surrounds the products of tiles: pixels and kernels are laid out for them, and sums are rounded.
// Counts of channels are multiples of 32.
#pragma once
#include <cstdint>

#include "pixel_list.h"
#include "tiles.h"

namespace bit {

struct TileLoops {
  // `count` pixels (a multiple of 32), channels [first, first + n), to [n, pitch] values: a channel's
  // pixels in a row.
  void (*turned)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                 int64_t pitch);
  // `count` pixels (even), channels [first, first + n), to panels [n / 32] of [count / 2, 32] pairs.
  void (*pairs)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to);
  // One place of a kernel, [in, columns] from column o on, or turned [columns, in] from row o on, to a
  // panel of [in / 2, 32] pairs.
  void (*kernel)(const uint16_t* w, bool turned, int64_t in, int64_t columns, int64_t o, uint32_t* to);
  // Sums [32, 32], of which row r is for 32 channels from `column` on of pixel to[r], unless that is -1:
  // what `plus` has there is added, unless it is null, and the sum rounded.
  void (*finish)(const float* sums, const int64_t* to, int64_t column, int64_t channels,
                 const uint16_t* plus, uint16_t* y);
};

// Those that any processor runs.
extern const TileLoops kPlainLoops;

// The fastest of this processor; the same values.
const TileLoops& FastestLoops();

// What goes with these tiles.
template <typename T>
const TileLoops& LoopsFor();
template <>
inline const TileLoops& LoopsFor<PlainTiles>() {
  return kPlainLoops;
}
#ifdef BIT_HAS_AMX
template <>
inline const TileLoops& LoopsFor<AmxTiles>() {
  return FastestLoops();
}
#endif

// `count` pixels of n channels side by side.
void PackPixels(const Pixel* pixels, int64_t count, int64_t n, uint16_t* to);

}  // namespace bit
