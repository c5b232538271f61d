// The inner loop of a filter's gradient in float32.
#pragma once
#include "panel_products.h"

namespace bit {

// The fastest that this processor has.
PanelProducts FindFloat32Products();

}  // namespace bit
