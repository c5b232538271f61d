// The inner loop of a filter's gradient: products of panels of channels, values of k apart. A value of k is 32
// bits: a pair of bfloat16, the first in the lower half, or a float32. Sums are float32.
#pragma once
#include <cstdint>
#include <stdexcept>

namespace bit {

// Channels side by side in a panel of the one side, and at most in one of the other.
inline constexpr int64_t kPanelRows = 16;
inline constexpr int64_t kPanelColumns = 32;

// Of what is read and of what is made. Throws where they make no whole panels.
inline void RequirePanels(int64_t in, int64_t out) {
  if (in % kPanelRows != 0 || out % kPanelRows != 0)
    throw std::runtime_error("channels must be a multiple of 16");
}

// `length` values of k: from `a` on in the one panel, from `b` on in the other.
struct Run {
  int64_t a, b, length;
};

// Adds to c, rows `stride` apart, the products over all runs of the panels a [k, kPanelRows] and
// b [k, n]; n is 16 or 32.
using PanelProducts = void (*)(const uint32_t* a, const uint32_t* b, const Run* runs, int64_t count,
                               int64_t n, float* c, int64_t stride);

}  // namespace bit
