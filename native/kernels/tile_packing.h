// Pixels laid out for tiles. Counts of channels are multiples of 32.
#pragma once
#include <cstdint>

#include "pixel_list.h"
#include "tiles.h"

namespace bit {

struct TilePacking {
  // `count` pixels (a multiple of 32), channels [first, first + n), to [n, pitch] values: a channel's
  // pixels in a row.
  void (*turned)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                 int64_t pitch);
  // `count` pixels (even), channels [first, first + n), to panels [n / 32] of [count / 2, 32] pairs.
  void (*pairs)(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to);
};

// By loops that any processor runs.
extern const TilePacking kPlainPacking;

// The fastest of this processor; the same values.
const TilePacking& FastestPacking();

// What a kernel of these tiles packs by.
template <typename T>
const TilePacking& PackingFor();
template <>
inline const TilePacking& PackingFor<PlainTiles>() {
  return kPlainPacking;
}
#ifdef BIT_HAS_AMX
template <>
inline const TilePacking& PackingFor<AmxTiles>() {
  return FastestPacking();
}
#endif

}  // namespace bit
