#include "pack_pairs.h"

#include <algorithm>
#include <cstring>

namespace bit {
namespace {

template <typename T>
BIT_INLINE const T* PixelAt(const Row<T>& row, int64_t channel, int64_t j) {
  static const T zeros[kPanelColumns] = {};
  const int64_t column = row.first + j * row.step;
  const bool inside = j < row.count && column >= 0 && column < row.width;
  return inside ? row.pixels + column * row.channels + channel : zeros;
}

BIT_INLINE void Pack(const Row<bfloat16>& row, int64_t channel, int64_t panel, uint32_t* to) {
  for (int64_t j = 0; j < row.count; j += 2, to += panel) {
    const bfloat16 *a = PixelAt(row, channel, j), *b = PixelAt(row, channel, j + 1);
#pragma GCC ivdep
    for (int64_t i = 0; i < panel; i++) to[i] = a[i].bits | static_cast<uint32_t>(b[i].bits) << 16;
  }
}

BIT_INLINE void Pack(const Row<float>& row, int64_t channel, int64_t panel, uint32_t* to) {
  for (int64_t j = 0; j < row.count; j++, to += panel)
    std::memcpy(to, PixelAt(row, channel, j), panel * sizeof *to);
}

// The panel's width is known to the compiler.
template <typename T>
BIT_INLINE void PackPanel(const Row<T>& row, int64_t channel, int64_t panel, uint32_t* to) {
  if (panel == kPanelColumns)
    Pack(row, channel, kPanelColumns, to);
  else
    Pack(row, channel, kPanelRows, to);
}

// Rows `pitch` apart of `depth` times `together` values, which are 32 bits.
template <typename T>
void TurnRows(const T* from, int64_t together, int64_t pitch, int64_t depth, int64_t panel, uint32_t* to) {
  // Squares of this side stay in the first cache while they are transposed.
  constexpr int64_t kSide = 16;
  for (int64_t begin = 0; begin < depth; begin += kSide) {
    const int64_t end = std::min(depth, begin + kSide);
    for (int64_t i = 0; i < panel; i++)
      for (int64_t k = begin; k < end; k++)
        std::memcpy(to + k * panel + i, from + i * pitch + together * k, sizeof *to);
  }
}

}  // namespace

BIT_FOR_EACH_PROCESSOR void PackRow(const Row<bfloat16>& row, int64_t channel, int64_t panel,
                                    uint32_t* to) {
  PackPanel(row, channel, panel, to);
}

BIT_FOR_EACH_PROCESSOR void PackRow(const Row<float>& row, int64_t channel, int64_t panel,
                                    uint32_t* to) {
  PackPanel(row, channel, panel, to);
}

void PackChannels(const bfloat16* from, int64_t pitch, int64_t depth, int64_t panel, uint32_t* to) {
  TurnRows(from, 2, pitch, depth, panel, to);
}

void PackChannels(const float* from, int64_t pitch, int64_t depth, int64_t panel, uint32_t* to) {
  TurnRows(from, 1, pitch, depth, panel, to);
}

}  // namespace bit
