// The inner loops of convolutions of float32 and of their gradients.
#pragma once
#include "panel_products.h"
#include "pixel_products.h"

namespace bit {

// The fastest that this processor has.
PanelProducts FindFloat32Products();
PixelProducts<float> FindFloat32PixelProducts();

}  // namespace bit
