// A convolution of float32 images with a kernel of 3 x 3 at stride 1, padded by one pixel all round, and its
// gradients, by Winograd's way (winograd_points.h).
#pragma once
#include <cstdint>

namespace bit {

// x [images, height, width, in], kernel [3, 3, in, out], y [images, height, width, out]: channels in multiples of 16.
struct WinogradShape {
  int64_t images, height, width, in, out;
};

// y of x; or turned round, with y's gradient as x, the gradient by x. By factors [images, 2, in], where they are not
// null, x is read as max(0, x * scale + offset), but for the padding.
void WinogradConvolve(const WinogradShape& shape, bool turned, const float* x, const float* factors, const float* w,
                      float* y);

// The gradient by the kernel, of x as the convolution has read it.
void WinogradFilterGradient(const WinogradShape& shape, const float* x, const float* factors, const float* dy,
                            float* dw);

}  // namespace bit
