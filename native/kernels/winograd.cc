// Squares of 4 x 4 pixels of the result overlap nothing; what a square meets is 6 x 6 pixels, spread to 36 points. Each
// point is a product of matrices, squares by channels.
//
// Forward, and turned round for the gradient by the images: squares that stay in the last cache are spread at a
// time, then multiplied panel by panel with the kernel's points, whose results go back to pixels at once. (The
// gradient by the kernel: winograd_filter_grad.cc.) No value depends on the number of threads, nor on the images beside.
#include "winograd.h"

#include <algorithm>

#include "scratch.h"
#include "winograd_squares.h"

namespace bit {
namespace {

// The part of the kernel that is transformed at a time, at most: it shall stay in the last cache.
constexpr int64_t kKernelBytes = 16 << 20;
// Squares that a task multiplies: what it reads of them stays in the second cache.
constexpr int64_t kTaskSquares = 24;
constexpr int64_t kPoints = kWinogradPoints;

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

// Of what is spread at v: some panels of the result, from `first_channel` on, by the kernel's at u.
void MultiplySquares(const WinogradLoops& loops, const Convolution& c, const SpreadSquares& s, const float* v,
                     const float* u, int64_t panels, int64_t first_channel, float* y) {
  const int64_t blocks = CeilDiv(s.count, kTaskSquares);
  const int64_t group = std::max<int64_t>(1, panels / CeilDiv(8 * Parallelism(), blocks));
  const int64_t groups = CeilDiv(panels, group);
  ParallelFor(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * kTaskSquares, count = std::min(kTaskSquares, s.count - begin);
    const int64_t last = std::min(panels, (task % groups + 1) * group);
    alignas(64) float products[kPoints * (kTaskSquares * kWinogradPanel + kPointsApart)];
    const int64_t point = kTaskSquares * kWinogradPanel + kPointsApart;
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

void Convolve(const Convolution& c, const float* x, const float* factors, const float* w, float* y) {
  const WinogradLoops loops = FindWinogradLoops();
  const int64_t panels = c.out / kWinogradPanel;
  const int64_t panel_size = kPoints * c.in * kWinogradPanel, square_size = kPoints * c.in;
  const int64_t panels_at_once = std::clamp<int64_t>(kKernelBytes / 4 / panel_size, 1, panels);
  const int64_t at_once = std::clamp<int64_t>(kSpreadBytes / 4 / square_size, 1, c.squares.count);
  SharedScratch spread_room, kernel_room;
  float* v = spread_room.Room<float>(at_once * square_size + kPoints * kPointsApart);
  float* u = kernel_room.Room<float>(panels_at_once * panel_size);
  for (int64_t panel = 0; panel < panels; panel += panels_at_once) {
    const int64_t count = std::min(panels_at_once, panels - panel);
    ParallelFor(count, [&](int64_t p) {
      loops.kernel(PanelOf(w, c.in, c.out, c.turned, panel + p), c.in * kWinogradPanel, u + p * panel_size);
    });
    for (int64_t t = 0; t < c.squares.count; t += at_once) {
      const int64_t squares = std::min(at_once, c.squares.count - t);
      const SpreadSquares s = {c.squares, t, squares, c.in, {squares * c.in + kPointsApart, kWinogradPanel}, c.in};
      if (panel == 0 || at_once < c.squares.count) s.OfImages(loops, x, factors, v);
      MultiplySquares(loops, c, s, v, u, count, panel * kWinogradPanel, y);
    }
  }
}

}  // namespace

void WinogradConvolve(const WinogradShape& s, bool turned, const float* x, const float* factors, const float* w,
                      float* y) {
  const Squares squares(s);
  const Convolution c = {squares, turned ? s.out : s.in, turned ? s.in : s.out, turned};
  if (squares.count > 0) Convolve(c, x, factors, w, y);
}

}  // namespace bit
