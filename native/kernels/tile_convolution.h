// Convolutions of bfloat16 images and their gradients, on matrix tiles.
#pragma once
#include "pixel_list.h"
#include "tiles.h"

namespace bit {

// Whether tiles have a product for it: channels in multiples of 32.
inline bool FitsTiles(const ConvShape& s) { return s.c % 32 == 0 && s.o % 32 == 0; }

// A convolution's kernel: as it is, [kh, kw, c, o], or as BitPackKernel and BitStandardize pack it for the way forward,
// which one turned round takes too.
struct TileKernel {
  const uint16_t* plain;
  const uint32_t* packed;
};

// What a convolution does besides; null is nothing.
struct TileExtras {
  // Before (prologue): images are read as max(0, x * scale + offset), rounded, by image and channel:
  // [n, 2, c]. Padding stays zero. Forward only.
  const float* factors;
  // After (epilogue): added to the result before it is rounded, of its shape.
  const uint16_t* plus;
  // The rounded result's sums and sums of squares by image and channel, [n, 2, o]. Forward only.
  double* moments;
};

// x [n, h, w, c] to y [n, oh, ow, o], or turned, the gradient by the images, dy [n, oh, ow, o] to dx
// [n, h, w, c].
template <typename T>
void TileConvolve(const ConvShape& s, bool turned, const uint16_t* x, const TileKernel& kernel,
                  const TileExtras& extras, uint16_t* y);

// The gradient by the kernel: x [n, h, w, c], dy [n, oh, ow, o] to dw [kh, kw, c, o]. Where there are
// `factors`, the convolution has read x by them.
template <typename T>
void TileFilterGrad(const ConvShape& s, const uint16_t* x, const float* factors, const uint16_t* dy,
                    float* dw);

// All of them sum each value in an order that the shape alone decides, not the threads. What becomes of an
// image does not depend on those beside it.

}  // namespace bit
