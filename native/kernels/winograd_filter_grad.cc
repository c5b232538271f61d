// The gradient of a Winograd convolution by its kernel: images and gradients are spread to points, their products
// summed over all squares at each point, and the sums go back to the kernel's nine places.
#include <algorithm>

#include "float32_products.h"
#include "scratch.h"
#include "winograd_squares.h"

namespace bit {
namespace {

// Squares between two visits of a block of sums: what they take of a panel stays in the first cache.
constexpr int64_t kBlock = 256;
constexpr int64_t kPoints = kWinogradPoints;

// Channels of a block of sums.
struct Block {
  int64_t rows, columns;
  int64_t columns_of(int64_t out) const { return CeilDiv(out, columns); }
  int64_t count(int64_t in, int64_t out) const { return CeilDiv(in, rows) * columns_of(out); }

  // Halves a block's longer side until there are as many of them as `wanted`, as far as panels allow.
  void Divide(int64_t in, int64_t out, int64_t wanted) {
    rows = std::min(rows, in), columns = std::min(columns, out);
    while (count(in, out) < wanted && rows + columns > 2 * kWinogradPanel) {
      int64_t& longer = rows >= columns ? rows : columns;
      longer = CeilDiv(longer / kWinogradPanel, 2) * kWinogradPanel;
    }
  }
};

// Squares of images and of gradients, spread to panels [points, channels / 16, squares, 16].
struct Both {
  int64_t in, out, count;
  Spacing x_at, dy_at;
  const float *x, *dy;

  // Adds the products at a point to sums of channels [i, i_end) by [o, o_end), rows `pitch` apart.
  void Add(int64_t point, int64_t i0, int64_t i_end, int64_t o0, int64_t o_end, float* sums, int64_t pitch) const {
    static const PanelProducts products = FindFloat32Products();
    const auto panel = [&](const float* from, const Spacing& at, int64_t channel) {
      return reinterpret_cast<const uint32_t*>(from + point * at.point + channel * count);
    };
    for (int64_t k = 0; k < count; k += kBlock) {
      const Run run = {k, k, std::min(kBlock, count - k)};
      for (int64_t o = o0; o < o_end; o += kWinogradPanel)
        for (int64_t i = i0; i < i_end; i += kWinogradPanel)
          products(panel(x, x_at, i), panel(dy, dy_at, o), &run, 1, kWinogradPanel,
                   sums + (i - i0) * pitch + o - o0, pitch);
    }
  }
};

// All squares are spread: each block of sums stays in the second cache, with all its points.
void SumByBlocks(const WinogradLoops& loops, const Both& both, float* dw) {
  Block block = {2 * kWinogradPanel, 4 * kWinogradPanel};
  block.Divide(both.in, both.out, 8 * Parallelism());
  const int64_t point = block.rows * block.columns, columns = block.columns_of(both.out);
  ParallelFor(block.count(both.in, both.out), [&](int64_t task) {
    static thread_local Scratch room;
    float* sums = room.Room<float>(kPoints * point);
    std::fill_n(sums, kPoints * point, 0.0f);
    const int64_t i0 = task / columns * block.rows, i_end = std::min(both.in, i0 + block.rows);
    const int64_t o0 = task % columns * block.columns, o_end = std::min(both.out, o0 + block.columns);
    for (int64_t p = 0; p < kPoints; p++) both.Add(p, i0, i_end, o0, o_end, sums + p * point, block.columns);
    for (int64_t i = i0; i < i_end; i++)
      loops.kernel_gradient(sums + (i - i0) * block.columns, point, o_end - o0, dw + i * both.out + o0,
                            both.in * both.out);
  });
}

// Adds to sums [points, in, out]: what a point has of both sides is read once or twice.
void SumByPoints(const Both& both, float* sums) {
  Block block = {8 * kWinogradPanel, 8 * kWinogradPanel};
  block.Divide(both.in, both.out, CeilDiv(8 * Parallelism(), kPoints));
  const int64_t columns = block.columns_of(both.out), blocks = block.count(both.in, both.out);
  ParallelFor(kPoints * blocks, [&](int64_t task) {
    const int64_t p = task / blocks, i0 = task % blocks / columns * block.rows, o0 = task % columns * block.columns;
    both.Add(p, i0, std::min(both.in, i0 + block.rows), o0, std::min(both.out, o0 + block.columns),
             sums + (p * both.in + i0) * both.out + o0, both.out);
  });
}

}  // namespace

void WinogradFilterGradient(const WinogradShape& s, const float* x, const float* factors, const float* dy,
                            float* dw) {
  const WinogradLoops loops = FindWinogradLoops();
  const Squares squares(s);
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
    const Spacing x_at = {count * s.in + kPointsApart, count * kWinogradPanel};
    const Spacing dy_at = {count * s.out + kPointsApart, count * kWinogradPanel};
    float* d = v + kPoints * x_at.point;
    SpreadSquares{squares, t, count, s.in, x_at, kWinogradPanel}.OfImages(loops, x, factors, v);
    SpreadSquares{squares, t, count, s.out, dy_at, kWinogradPanel}.OfGradients(loops, dy, d);
    const Both both = {s.in, s.out, count, x_at, dy_at, v, d};
    if (whole) return SumByBlocks(loops, both, dw);
    SumByPoints(both, sums);
  }
  ParallelFor(s.in, [&](int64_t i) {
    loops.kernel_gradient(sums + i * s.out, kernel_size, s.out, dw + i * s.out, kernel_size);
  });
}

}  // namespace bit
