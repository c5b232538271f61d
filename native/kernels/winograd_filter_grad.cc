// The gradient of a Winograd convolution by its kernel: images and gradients are spread to points, their products
// summed over all squares at each point, and the sums go back to the kernel's nine places.
#include <algorithm>

#include "channel_blocks.h"
#include "float32_products.h"
#include "scratch.h"
#include "winograd_squares.h"

namespace bit {
namespace {

// Squares between two visits of a block of sums: what they take of a panel stays in the first cache.
constexpr int64_t kBlock = 256;
constexpr int64_t kPoints = kWinogradPoints;

// Squares of images and of gradients, spread to panels [points, channels / 16, squares, 16], those of gradients as wide
// as `dy_at` says.
struct Both {
  int64_t in, out, count;
  Spacing x_at, dy_at;
  const float *x, *dy;

  // Of at most so many channels, in whole panels.
  ChannelBlocks BlocksOf(int64_t rows, int64_t columns, int64_t wanted) const {
    ChannelBlocks blocks = {in, out, rows, columns, x_at.width, dy_at.width};
    blocks.Divide(wanted);
    return blocks;
  }

  // Adds the products at a point to a block's sums, rows `pitch` apart.
  void Add(int64_t point, const ChannelBlocks::Range& at, float* sums, int64_t pitch) const {
    const PanelProducts products = FindFloat32Products().panels;
    const auto panel = [&](const float* from, const Spacing& spacing, int64_t channel) {
      return reinterpret_cast<const uint32_t*>(from + point * spacing.point + channel * count);
    };
    for (int64_t k = 0; k < count; k += kBlock) {
      const Run run = {k, k, std::min(kBlock, count - k)};
      for (int64_t o = at.o; o < at.o_end; o += dy_at.width)
        for (int64_t i = at.i; i < at.i_end; i += kWinogradPanel)
          products(panel(x, x_at, i), panel(dy, dy_at, o), &run, 1, dy_at.width,
                   sums + (i - at.i) * pitch + o - at.o, pitch);
    }
  }
};

// All squares are spread: each block of sums stays in the second cache, with all its points.
void SumByBlocks(const WinogradLoops& loops, const Both& both, float* dw) {
  const ChannelBlocks blocks = both.BlocksOf(2 * kWinogradPanel, 4 * kWinogradPanel, 8 * Parallelism());
  const int64_t point = blocks.rows * blocks.columns;
  ParallelFor(blocks.count(), [&](int64_t task) {
    static thread_local Scratch room;
    float* sums = room.Room<float>(kPoints * point);
    std::fill_n(sums, kPoints * point, 0.0f);
    const ChannelBlocks::Range at = blocks.At(task);
    for (int64_t p = 0; p < kPoints; p++) both.Add(p, at, sums + p * point, blocks.columns);
    for (int64_t i = at.i; i < at.i_end; i++)
      loops.kernel_gradient(sums + (i - at.i) * blocks.columns, point, at.o_end - at.o, dw + i * both.out + at.o,
                            both.in * both.out);
  });
}

// Adds to sums [points, in, out]: what a point has of both sides is read once or twice.
void SumByPoints(const Both& both, float* sums) {
  const ChannelBlocks blocks =
      both.BlocksOf(8 * kWinogradPanel, 8 * kWinogradPanel, CeilDiv(8 * Parallelism(), kPoints));
  ParallelFor(kPoints * blocks.count(), [&](int64_t task) {
    const int64_t p = task / blocks.count();
    const ChannelBlocks::Range at = blocks.At(task % blocks.count());
    both.Add(p, at, sums + (p * both.in + at.i) * both.out + at.o, both.out);
  });
}

}  // namespace

void WinogradFilterGradient(const WinogradShape& s, const float* x, const float* factors, const float* dy,
                            float* dw) {
  const WinogradLoops loops = FindWinogradLoops();
  const Squares squares(s);
  const int64_t wide = loops.panels * kWinogradPanel, width = s.out % wide == 0 ? wide : kWinogradPanel;
  const int64_t square_size = kPoints * (s.in + s.out), kernel_size = s.in * s.out;
  // Sums in memory are read and written once for all that is spread at a time: it is as large at least.
  const int64_t most = std::max(kSpreadBytes / 4, 2 * kPoints * kernel_size);
  const int64_t at_once = std::clamp<int64_t>(most / square_size, 1, std::max<int64_t>(1, squares.count));
  const bool whole = at_once >= squares.count;
  SharedScratch spread_room, sums_room;
  float* v = spread_room.Room<float>(at_once * square_size + 2 * kPoints * kPointsApart);
  float* sums = whole ? nullptr : sums_room.Room<float>(kPoints * kernel_size);
  if (!whole) std::fill_n(sums, kPoints * kernel_size, 0.0f);
  for (int64_t t = 0; t == 0 || t < squares.count; t += at_once) {
    const int64_t count = std::min(at_once, squares.count - t);
    const Spacing x_at = {count * s.in + kPointsApart, count * kWinogradPanel, kWinogradPanel};
    const Spacing dy_at = {count * s.out + kPointsApart, count * width, width};
    float* d = v + kPoints * x_at.point;
    SpreadSquares{squares, t, count, s.in, x_at, kWinogradPanel}.OfImages(loops, x, factors, v);
    SpreadSquares{squares, t, count, s.out, dy_at, width}.OfGradients(loops, dy, d);
    const Both both = {s.in, s.out, count, x_at, dy_at, v, d};
    if (whole) return SumByBlocks(loops, both, dw);
    SumByPoints(both, sums);
  }
  ParallelFor(s.in, [&](int64_t i) {
    loops.kernel_gradient(sums + i * s.out, kernel_size, s.out, dw + i * s.out, kernel_size);
  });
}

}  // namespace bit
