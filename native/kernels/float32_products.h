// The inner loops of convolutions of float32 and of their gradients.
#pragma once
#include "panel_products.h"
#include "pixel_products.h"

namespace bit {

// The fastest that this processor has.
struct Float32Products {
  PanelProducts panels;
  PixelProducts<float> pixels;
};
const Float32Products& FindFloat32Products();

}  // namespace bit
