// Values of images and kernels as the inner loops multiply them: of bfloat16 in pairs.
#pragma once
#include <cstddef>

#include "bfloat16_products.h"

namespace bit {

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A row of pixels [width, channels], of which column first + j * step stands for j = 0 to count - 1.
// Columns outside the row are zero.
template <typename T>
struct Row {
  const T* pixels;
  int64_t width, channels, first, step, count;
};

// Packs each two successive values of `panel` channels from `channel` on: to [ceil(count / 2), panel].
// An odd count gets a zero at its end. The panel is kPanelRows or kPanelColumns wide.
void PackRow(const Row<bfloat16>& row, int64_t channel, int64_t panel, uint32_t* to);
// The same of each single value: to [count, panel].
void PackRow(const Row<float>& row, int64_t channel, int64_t panel, uint32_t* to);

// Packs each two successive channels of `panel` rows `pitch` apart: to [depth, panel], depth pairs.
void PackChannels(const bfloat16* from, int64_t pitch, int64_t depth, int64_t panel, uint32_t* to);
// The same of each single channel.
void PackChannels(const float* from, int64_t pitch, int64_t depth, int64_t panel, uint32_t* to);

}  // namespace bit
