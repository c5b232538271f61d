// Pillow's antialiased bilinear resize of RGB images, bit by bit.
#pragma once
#include <cstdint>
#include <vector>

namespace bit {

// One axis of a resize: each place of the result is a weighted sum of `taps` places of the image, from
// first[i] on. Weights are fixed-point.
struct Axis {
  Axis(int64_t from, int64_t to);
  bool same;  // The axis keeps its size: one tap, and no weights.
  int64_t taps;
  std::vector<int64_t> first;
  std::vector<int32_t> weights;  // [to, taps]
};

// Where a square crop lies in the resized image, and whether it is mirrored from left to right.
struct Window {
  int64_t top, left;
  bool flip;
};

// Resizes images of one size to `side` x `side`, and makes only a crop of that. For one thread.
class Resize {
 public:
  // All sizes are at least 1, and crop <= side.
  Resize(int64_t height, int64_t width, int64_t side, int64_t crop);
  // image [height, width, 3] to result [crop, crop, 3]. The window lies inside the resized image.
  void Run(const uint8_t* image, Window window, uint8_t* result);

 private:
  // Row y of the image, resized: where it lies already, else written to `made`.
  const uint8_t* Row(const uint8_t* image, int64_t y, Window window, uint8_t* made);

  const int64_t height_, width_, crop_;
  const Axis down_, across_;
  const int64_t stride_;
  std::vector<int16_t> grouped_;  // across_'s weights, where the processor has use for them.
  std::vector<uint8_t> last_, rows_;
  std::vector<const uint8_t*> at_, in_order_;
};

}  // namespace bit
