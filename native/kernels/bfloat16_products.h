// The inner loops of convolutions of bfloat16 and of their gradients. Values are multiplied in pairs,
// 32 bits each, the first value in the lower half; sums are float32.
#pragma once
#include <cstdint>

#include "numeric.h"
#include "panel_products.h"
#include "pixel_products.h"

namespace bit {

// The fastest that this processor has.
struct Bfloat16Products {
  PanelProducts panels;
  PixelProducts<bfloat16> pixels;
};
const Bfloat16Products& FindBfloat16Products();

}  // namespace bit
