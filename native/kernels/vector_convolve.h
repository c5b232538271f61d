// Convolutions of float32 and bfloat16 images by the processor's vectors: channels in multiples of 16.
#pragma once
#include "pixel_list.h"

namespace bit {

// A convolution's kernel: as it is, [kh, kw, c, o], or as PackVectorKernel packs it.
template <typename T>
struct VectorKernel {
  const T* plain;
  const uint32_t* packed;
};

// What a convolution does besides, as TileExtras has it; null is nothing.
template <typename T>
struct VectorExtras {
  const float* factors;
  const T* plus;
};

// x [n, h, w, c] to y [n, oh, ow, o], or turned, the gradient by the images, dy [n, oh, ow, o] to dx
// [n, h, w, c]. A value is summed in an order that the shape alone decides, not the threads, and what becomes of
// an image does not depend on those beside it.
template <typename T>
void VectorConvolve(const ConvShape& s, bool turned, const T* x, const VectorKernel<T>& kernel,
                    const VectorExtras<T>& extras, T* y);

// A kernel for the way forward at any stride, to as many values.
template <typename T>
void PackVectorKernel(const ConvShape& s, const T* w, uint32_t* to);

}  // namespace bit
