#include "pack_pairs.h"

#include <algorithm>
#include <cstring>

namespace bit {
namespace {

BIT_INLINE void Pair(const Row& row, int64_t channel, int64_t panel, uint32_t* to) {
  static const bfloat16 zeros[kPanelColumns] = {};
  const auto pixel = [&](int64_t j) {
    const int64_t column = row.first + j * row.step;
    const bool inside = j < row.count && column >= 0 && column < row.width;
    return inside ? row.pixels + column * row.channels + channel : zeros;
  };
  for (int64_t j = 0; j < row.count; j += 2, to += panel) {
    const bfloat16 *a = pixel(j), *b = pixel(j + 1);
#pragma GCC ivdep
    for (int64_t i = 0; i < panel; i++) to[i] = a[i].bits | static_cast<uint32_t>(b[i].bits) << 16;
  }
}

}  // namespace

// The panel's width is known to the compiler.
BIT_FOR_EACH_PROCESSOR void PackRow(const Row& row, int64_t channel, int64_t panel, uint32_t* to) {
  if (panel == kPanelColumns)
    Pair(row, channel, kPanelColumns, to);
  else
    Pair(row, channel, kPanelRows, to);
}

void PackChannels(const bfloat16* from, int64_t pitch, int64_t pairs, int64_t panel, uint32_t* to) {
  // Squares of this side stay in the first cache while they are transposed.
  constexpr int64_t kSide = 16;
  for (int64_t begin = 0; begin < pairs; begin += kSide) {
    const int64_t end = std::min(pairs, begin + kSide);
    for (int64_t i = 0; i < panel; i++)
      for (int64_t k = begin; k < end; k++)
        std::memcpy(to + k * panel + i, from + i * pitch + 2 * k, sizeof *to);
  }
}

}  // namespace bit
