// How the channels of both sides of a kernel's gradient are divided among tasks.
#pragma once
#include <algorithm>
#include <cstdint>

#include "pack_pairs.h"

namespace bit {

// So many channels in and out at most, in steps of whole panels. What a value is summed of does not depend on it.
struct ChannelBlocks {
  int64_t in, out;            // all channels
  int64_t rows, columns;      // of a block
  int64_t row_step, column_step;

  int64_t across() const { return CeilDiv(out, columns); }
  int64_t count() const { return CeilDiv(in, rows) * across(); }

  // Halves the longer side of a block until there are as many of them as `wanted`, as far as panels allow: few
  // enough that all threads end together.
  void Divide(int64_t wanted) {
    rows = std::min(rows, in), columns = std::min(columns, out);
    while (count() < wanted && rows + columns > row_step + column_step) {
      int64_t& longer = rows >= columns ? rows : columns;
      const int64_t step = rows >= columns ? row_step : column_step;
      longer = CeilDiv(CeilDiv(longer, step), 2) * step;
    }
  }

  // Channels [i, i_end) in and [o, o_end) out of a block.
  struct Range {
    int64_t i, i_end, o, o_end;
  };
  Range At(int64_t block) const {
    const int64_t i = block / across() * rows, o = block % across() * columns;
    return {i, std::min(in, i + rows), o, std::min(out, o + columns)};
  }
};

}  // namespace bit
