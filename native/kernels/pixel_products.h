// The inner loop of a convolution by vectors: products of pixels, from where they lie, and panels of the kernel.
// A value of k is 32 bits: a pair of bfloat16, the first in the lower half, or a float32. Sums are float32.
#pragma once
#include <cstdint>

#include "numeric.h"

namespace bit {

// Pixels whose sums are made together, at most.
inline constexpr int64_t kMostPixels = 8;

// What some pixels meet: at each of `places` of the kernel `depth` values of k of each, from [places, pixels].
// What is at `next` [places, pixels] is fetched from memory meanwhile.
template <typename T>
struct PixelsMet {
  const T *const *from, *const *next;
  int64_t places, depth;
};

// `multiply` sets n channels of each pixel of to [pixels] to the sums, over places and k, of what it meets times
// b [places, depth, n], and of those at plus [pixels], unless it is null; n is `columns`, kPanelColumns or kPanelRows, or
// kPanelRows.
template <typename T>
struct PixelProducts {
  void (*multiply)(const PixelsMet<T>& met, const uint32_t* b, int64_t n, const T* const* plus, T* const* to);
  int64_t pixels, columns;
};

}  // namespace bit
