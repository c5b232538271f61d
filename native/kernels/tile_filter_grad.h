// The gradient of a convolution of bfloat16 images by its kernel, on matrix tiles.
#pragma once
#include "pixel_list.h"
#include "tiles.h"

namespace bit {

// Whether tiles have a product for it: channels in multiples of 32.
inline bool FitsTiles(const ConvShape& s) { return s.c % 32 == 0 && s.o % 32 == 0; }

// x [n, h, w, c], dy [n, oh, ow, o] to dw [kh, kw, c, o]. Every value is summed in an order that the
// shape alone decides, not the threads.
template <typename T>
void TileFilterGrad(const ConvShape& s, const uint16_t* x, const uint16_t* dy, float* dw);

}  // namespace bit
