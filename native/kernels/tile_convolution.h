// Convolutions of bfloat16 images and their gradients, on matrix tiles.
#pragma once
#include "pixel_list.h"
#include "tiles.h"

namespace bit {

// Whether tiles have a product for it: channels in multiples of 32.
inline bool FitsTiles(const ConvShape& s) { return s.c % 32 == 0 && s.o % 32 == 0; }

// A convolution's kernel: as it is, [kh, kw, c, o], or as BitPackKernel packs it for the way forward.
struct TileKernel {
  const uint16_t* plain;
  const uint32_t* packed;
};

// x [n, h, w, c] to y [n, oh, ow, o], or turned, the gradient by the images, dy [n, oh, ow, o] to dx
// [n, h, w, c]. What `plus` has of the result's shape is added before it is rounded, unless it is null.
template <typename T>
void TileConvolve(const ConvShape& s, bool turned, const uint16_t* x, const TileKernel& kernel,
                  const uint16_t* plus, uint16_t* y);

// The gradient by the kernel: x [n, h, w, c], dy [n, oh, ow, o] to dw [kh, kw, c, o].
template <typename T>
void TileFilterGrad(const ConvShape& s, const uint16_t* x, const uint16_t* dy, float* dw);

// All three sum each value in an order that the shape alone decides, not the threads.

}  // namespace bit
