// Squares of 4 x 4 pixels of the result overlap nothing;
// what a square meets is 6 x 6 pixels, spread to 36 points. Each point is a product of matrices,
// squares by channels.
//
// Forward, and turned round for the gradient by the images: squares that stay in the last cache are spread at a
// time, then multiplied panel by panel with the kernel's points, whose results go back to pixels at once. For the
// gradient by the kernel both images and gradients are spread, and summed over all squares.
// No value depends on the number of threads, nor on the images beside.
#include "winograd.h"

#include <algorithm>
#include <vector>

#include "float32_products.h"
#include "pack_pairs.h"
#include "parallel.h"
#include "scratch.h"
#include "winograd_loops.h"

namespace bit {
namespace {

// What is spread at a time, at most, and the kernel's part beside it: they shall stay in the last cache.
constexpr int64_t kSpreadBytes = 8 << 20, kKernelBytes = 16 << 20;
// Squares that a task multiplies: what it reads of them stays in the second cache.
constexpr int64_t kTaskSquares = 24;
// Squares between two visits of a gradient's block of sums: what they take of a panel stays in the first cache.
constexpr int64_t kSumSquares = 256;
// Rows of points lie so many values more apart, lest all be in the same place of a cache.
constexpr int64_t kApart = 16;
constexpr int64_t kPoints = kWinogradPoints;

struct Squares {
  explicit Squares(const WinogradShape& s)
      : height(s.height), width(s.width), down(CeilDiv(height, kSize)), across(CeilDiv(width, kSize)),
        count(s.images * down * across) {}

  // The pixels, of `channels` each, of square t: `size` rows and columns from `before` pixels before its own on.
  // Those outside the image are `outside`.
  template <typename Value>
  void Find(int64_t t, int size, int before, Value* images, int64_t channels, Value* outside, Value** to) const {
    const int64_t image = t / across / down;
    const int64_t y0 = t / across % down * kSize - before, x0 = t % across * kSize - before;
    for (int64_t y = y0; y < y0 + size; y++)
      for (int64_t x = x0; x < x0 + size; x++) {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        *to++ = inside ? images + ((image * height + y) * width + x) * channels : outside;
      }
  }

  static constexpr int kSize = kWinogradSquare;
  int64_t height, width, down, across, count;
};

// What is spread of squares [first, first + count).
struct Spread {
  const Squares& squares;
  int64_t first, count, channels;
  Spacing at;
  int64_t pitch;  // between squares
};

// Calls `one` with each square's place, some of them after the other on one thread.
template <typename One>
void ForSquares(int64_t count, const One& one) {
  constexpr int64_t kTogether = 8;
  ParallelFor(CeilDiv(count, kTogether), [&](int64_t task) {
    for (int64_t t = task * kTogether; t < std::min(count, (task + 1) * kTogether); t++) one(t);
  });
}

void SpreadImages(const WinogradLoops& loops, const Spread& s, const float* x, float* to) {
  const std::vector<float> zeros(s.channels);
  ForSquares(s.count, [&](int64_t t) {
    const float* pixels[kPoints];
    s.squares.Find(s.first + t, Squares::kSize + 2, 1, x, s.channels, zeros.data(), pixels);
    loops.images(pixels, s.channels, s.at, to + t * s.pitch);
  });
}

void SpreadGradients(const WinogradLoops& loops, const Spread& s, const float* dy, float* to) {
  const std::vector<float> zeros(s.channels);
  ForSquares(s.count, [&](int64_t t) {
    const float* pixels[kPoints];
    s.squares.Find(s.first + t, Squares::kSize, 0, dy, s.channels, zeros.data(), pixels);
    loops.gradients(pixels, s.channels, s.at, to + t * s.pitch);
  });
}

// w [3, 3, i, o] or, turned, what it is as the kernel from y to x: panel `panel` of the result's channels.
KernelPanel PanelOf(const float* w, int64_t in, int64_t out, bool turned, int64_t panel) {
  KernelPanel k = {w, {}, in, turned ? 1 : out, turned ? in : 1};
  k.from += panel * kWinogradPanel * k.out_step;
  for (int64_t place = 0; place < 9; place++) k.places[place] = (turned ? 8 - place : place) * in * out;
  return k;
}

struct Convolution {
  const Squares& squares;
  int64_t in, out;
  bool turned;
};

// Panels [first, last) of the result of squares [begin, end), of which those from `spread` on are spread at v.
void MultiplySquares(const WinogradLoops& loops, const Convolution& c, const Spread& s, const float* v,
                     const float* u, int64_t panels, int64_t first_channel, float* y) {
  const int64_t blocks = CeilDiv(s.count, kTaskSquares);
  const int64_t group = std::max<int64_t>(1, panels / CeilDiv(8 * Parallelism(), blocks));
  const int64_t groups = CeilDiv(panels, group);
  ParallelFor(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * kTaskSquares, count = std::min(kTaskSquares, s.count - begin);
    const int64_t last = std::min(panels, (task % groups + 1) * group);
    alignas(64) float products[kPoints * (kTaskSquares * kWinogradPanel + kApart)];
    const int64_t point = kTaskSquares * kWinogradPanel + kApart;
    for (int64_t panel = task % groups * group; panel < last; panel++) {
      const float* kernel = u + panel * kPoints * c.in * kWinogradPanel;
      for (int p = 0; p < kPoints; p++)
        loops.multiply(v + p * s.at.point + begin * s.pitch, s.pitch, count,
                       kernel + p * c.in * kWinogradPanel, c.in, products + p * point);
      for (int64_t t = 0; t < count; t++) {
        float* pixels[kPoints];
        float* const to = y + first_channel + panel * kWinogradPanel;
        c.squares.Find<float>(s.first + begin + t, Squares::kSize, 0, to, c.out, nullptr, pixels);
        loops.result(products + t * kWinogradPanel, point, pixels);
      }
    }
  });
}

void Convolve(const Convolution& c, const float* x, const float* w, float* y) {
  const WinogradLoops loops = FindWinogradLoops();
  const int64_t panels = c.out / kWinogradPanel;
  const int64_t panel_size = kPoints * c.in * kWinogradPanel, square_size = kPoints * c.in;
  const int64_t panels_at_once = std::clamp<int64_t>(kKernelBytes / 4 / panel_size, 1, panels);
  const int64_t at_once = std::clamp<int64_t>(kSpreadBytes / 4 / square_size, 1, c.squares.count);
  static thread_local Scratch spread_room, kernel_room;
  float* v = spread_room.Room<float>(at_once * square_size + kPoints * kApart);
  float* u = kernel_room.Room<float>(panels_at_once * panel_size);
  for (int64_t panel = 0; panel < panels; panel += panels_at_once) {
    const int64_t count = std::min(panels_at_once, panels - panel);
    ParallelFor(count, [&](int64_t p) {
      loops.kernel(PanelOf(w, c.in, c.out, c.turned, panel + p), c.in * kWinogradPanel, u + p * panel_size);
    });
    for (int64_t t = 0; t < c.squares.count; t += at_once) {
      const int64_t squares = std::min(at_once, c.squares.count - t);
      const Spread s = {c.squares, t, squares, c.in, {squares * c.in + kApart, kWinogradPanel}, c.in};
      if (panel == 0 || at_once < c.squares.count) SpreadImages(loops, s, x, v);
      MultiplySquares(loops, c, s, v, u, count, panel * kWinogradPanel, y);
    }
  }
}

// A block of the kernel's gradient: sums of all points of some panels of both sides.
void DifferentiateKernel(const Squares& squares, int64_t in, int64_t out, const float* x, const float* dy,
                         float* dw) {
  const WinogradLoops loops = FindWinogradLoops();
  static const PanelProducts products = FindFloat32Products();
  const int64_t square_size = kPoints * (in + out);
  const int64_t sums_size = kPoints * in * out;
  const int64_t most = std::max(kSpreadBytes / 4, 2 * sums_size);
  const int64_t at_once = std::clamp<int64_t>(most / square_size, 1, squares.count);
  const bool whole = at_once == squares.count;
  int64_t rows = std::min<int64_t>(2, in / kWinogradPanel), columns = std::min<int64_t>(4, out / kWinogradPanel);
  const auto tasks = [&] {
    return CeilDiv(in, rows * kWinogradPanel) * CeilDiv(out, columns * kWinogradPanel);
  };
  while (tasks() < 8 * Parallelism() && rows * columns > 1)
    rows >= columns ? rows = CeilDiv(rows, 2) : columns = CeilDiv(columns, 2);
  const int64_t row_group = rows * kWinogradPanel, column_group = columns * kWinogradPanel;
  const int64_t column_groups = CeilDiv(out, column_group), block = kPoints * row_group * column_group;
  static thread_local Scratch spread_room;
  float* v = spread_room.Room<float>(at_once * square_size + 2 * kPoints * kApart);
  Scratch sums_room;
  float* all_sums = whole ? nullptr : sums_room.Room<float>(tasks() * block);
  for (int64_t t = 0; t < squares.count; t += at_once) {
    const int64_t count = std::min(at_once, squares.count - t);
    const Spacing x_at = {count * in + kApart, count * kWinogradPanel};
    const Spacing dy_at = {count * out + kApart, count * kWinogradPanel};
    float* d = v + kPoints * x_at.point;
    SpreadImages(loops, {squares, t, count, in, x_at, kWinogradPanel}, x, v);
    SpreadGradients(loops, {squares, t, count, out, dy_at, kWinogradPanel}, dy, d);
    const bool last = t + count == squares.count;
    ParallelFor(tasks(), [&](int64_t task) {
      static thread_local Scratch block_room;
      float* sums = whole ? block_room.Room<float>(block) : all_sums + task * block;
      if (t == 0) std::fill(sums, sums + block, 0.0f);
      const int64_t i0 = task / column_groups * row_group, o0 = task % column_groups * column_group;
      const int64_t i_end = std::min(in, i0 + row_group), o_end = std::min(out, o0 + column_group);
      for (int64_t p = 0; p < kPoints; p++)
        for (int64_t k = 0; k < count; k += kSumSquares) {
          const Run run = {k, k, std::min(kSumSquares, count - k)};
          for (int64_t o = o0; o < o_end; o += kWinogradPanel)
            for (int64_t i = i0; i < i_end; i += kWinogradPanel)
              products(reinterpret_cast<const uint32_t*>(v + p * x_at.point + i * count),
                       reinterpret_cast<const uint32_t*>(d + p * dy_at.point + o * count), &run, 1,
                       kWinogradPanel, sums + (p * row_group + i - i0) * column_group + o - o0, column_group);
        }
      if (!last) return;
      for (int64_t i = i0; i < i_end; i++)
        loops.kernel_gradient(sums + (i - i0) * column_group, row_group * column_group, o_end - o0,
                              dw + i * out + o0, in * out);
    });
  }
}

}  // namespace

void WinogradConvolve(const WinogradShape& s, bool turned, const float* x, const float* w, float* y) {
  const Squares squares(s);
  if (squares.count > 0) Convolve({squares, turned ? s.out : s.in, turned ? s.in : s.out, turned}, x, w, y);
}

void WinogradFilterGradient(const WinogradShape& s, const float* x, const float* dy, float* dw) {
  const Squares squares(s);
  if (squares.count > 0) return DifferentiateKernel(squares, s.in, s.out, x, dy, dw);
  std::fill_n(dw, 9 * s.in * s.out, 0.0f);
}

}  // namespace bit
