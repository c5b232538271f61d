// The inner loop of a convolution by vectors: products of pixels, from where they lie, and panels of the kernel.
// A value of k is 32 bits: a pair of bfloat16, the first in the lower half, or a float32. Sums are float32.
#pragma once
#include <cstdint>

#include "numeric.h"

namespace bit {

// Pixels whose sums are made together.
template <typename T>
inline constexpr int64_t kPixels = 0;
template <>
inline constexpr int64_t kPixels<bfloat16> = 8;
template <>
inline constexpr int64_t kPixels<float> = 6;

// What kPixels pixels meet: at each of `places` of the kernel `depth` values of k of each, from [places, kPixels].
// What is at `next` [places, kPixels] is fetched from memory meanwhile.
template <typename T>
struct PixelsMet {
  const T *const *from, *const *next;
  int64_t places, depth;
};

// Sets n channels of each pixel of to [kPixels] to the sums, over places and k, of what it meets times
// b [places, depth, n], and of those at plus [kPixels], unless it is null; n is 16 or 32.
template <typename T>
using PixelProducts = void (*)(const PixelsMet<T>& met, const uint32_t* b, int64_t n, const T* const* plus,
                               T* const* to);

}  // namespace bit
