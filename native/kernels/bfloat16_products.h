// The inner loops of convolutions of bfloat16 and of their gradients. Values are multiplied in pairs,
// 32 bits each, the first value in the lower half; sums are float32.
#pragma once
#include <cstdint>

#include "numeric.h"
#include "panel_products.h"

namespace bit {

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
