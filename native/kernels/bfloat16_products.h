// The inner loops of convolutions of bfloat16 and of their gradients. Values are multiplied in pairs,
// 32 bits each, the first value in the lower half; sums are float32.
#pragma once
#include <cstdint>

#include "numeric.h"

namespace bit {

// Channels side by side in a panel of the one side, and at most in one of the other.
inline constexpr int64_t kPanelRows = 16;
inline constexpr int64_t kPanelColumns = 32;

// `length` values of k: from `a` on in the one panel, from `b` on in the other.
struct Run {
  int64_t a, b, length;
};

// For a filter's gradient. Adds to c, rows `stride` apart, the products over all runs of the panels
// a [k, kPanelRows] and b [k, n]; n is 16 or 32.
using PanelProducts = void (*)(const uint32_t* a, const uint32_t* b, const Run* runs, int64_t count,
                               int64_t n, float* c, int64_t stride);

// Pixels whose sums are made together.
inline constexpr int64_t kPixels = 8;

// For a convolution. Sets n channels of each pixel of to [kPixels] to the sums, over `places` of the
// kernel and `pairs` of channels, of the values at from [places, kPixels] times b [places, pairs, n],
// and of those at plus [kPixels], unless it is null; n is 16 or 32.
using PixelProducts = void (*)(const bfloat16* const* from, int64_t places, int64_t pairs,
                               const uint32_t* b, int64_t n, const bfloat16* const* plus,
                               bfloat16* const* to);

// The fastest that this processor has.
struct Bfloat16Products {
  PanelProducts panels;
  PixelProducts pixels;
};
const Bfloat16Products& FindBfloat16Products();

}  // namespace bit
