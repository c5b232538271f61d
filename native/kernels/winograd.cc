// Squares of 4 x 4 pixels of the result overlap nothing; what a square meets is 6 x 6 pixels, spread to 36 points. Each
// point is a product of matrices, squares by channels.
//
// Forward, and turned round for the gradient by the images: squares are spread, then multiplied panel by panel with the
// kernel's points, whose results go back to pixels at once. (The gradient by the kernel: winograd_filter_grad.cc.) No
// value depends on the number of threads, nor on the images beside.
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
// So few squares are read for each panel of the kernel again: that costs less than writing what it becomes.
constexpr int64_t kFewSquares = 64;
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
  const float *x, *factors, *w;
  float* y;
  const WinogradLoops loops = FindWinogradLoops();

  int64_t panels() const { return out / kWinogradPanel; }
  int64_t square_size() const { return kPoints * in; }
  int64_t panel_size() const { return square_size() * kWinogradPanel; }

  // What some squares meet, to v.
  SpreadSquares Spread(int64_t first, int64_t count, bool alone, float* v) const {
    const Spacing at = {count * in + kPointsApart, kWinogradPanel, kWinogradPanel};
    const SpreadSquares spread = {squares, first, count, in, at, in, alone};
    spread.OfImages(loops, x, factors, v);
    return spread;
  }

  // A panel of the kernel to u.
  void Transform(int64_t panel, float* u) const {
    loops.kernel(PanelOf(w, in, out, turned, panel), in * kWinogradPanel, u);
  }

  // kTaskSquares of those that are spread at v, from `begin` on: panels [panel, last) of the result by the kernel's,
  // which begin at u.
  void Multiply(const SpreadSquares& s, const float* v, int64_t begin, const float* u, int64_t panel,
                int64_t last) const {
    constexpr int64_t kPoint = kTaskSquares * kWinogradPanel + kPointsApart, kPanel = kPoints * kPoint;
    static thread_local Scratch room;
    float* products = room.Room<float>(loops.panels * kPanel);
    const int64_t count = std::min(kTaskSquares, s.count - begin), depth = in * kWinogradPanel;
    for (int64_t at_once; panel < last; panel += at_once, u += at_once * panel_size()) {
      at_once = last - panel < loops.panels ? 1 : loops.panels;
      for (int p = 0; p < kPoints; p++)
        loops.multiply(v + p * s.at.point + begin * s.pitch, s.pitch, count, {u + p * depth, in, at_once, panel_size()},
                       products + p * kPoint, kPanel);
      for (int64_t t = 0; t < count; t++)
        for (int64_t j = 0; j < at_once; j++) {
          float* pixels[kPoints];
          squares.Find<float>(s.first + begin + t, Squares::kSize, 0, y + (panel + j) * kWinogradPanel, out, nullptr,
                              pixels);
          loops.result(products + j * kPanel + t * kWinogradPanel, kPoint, pixels);
        }
    }
  }
};

// Squares are spread by the tasks that multiply them, with the whole kernel: they stay in the second cache.
void BySquares(const Convolution& c) {
  SharedScratch kernel_room;
  float* u = kernel_room.Room<float>(c.panels() * c.panel_size());
  ParallelFor(c.panels(), [&](int64_t panel) { c.Transform(panel, u + panel * c.panel_size()); });
  ParallelFor(CeilDiv(c.squares.count, kTaskSquares), [&](int64_t task) {
    static thread_local Scratch room;
    const int64_t first = task * kTaskSquares, count = std::min(kTaskSquares, c.squares.count - first);
    float* v = room.Room<float>(count * c.square_size() + kPoints * kPointsApart);
    c.Multiply(c.Spread(first, count, true, v), v, 0, u, 0, c.panels());
  });
}

// Panels of the kernel are transformed by the tasks that multiply them, with all squares.
void ByPanels(const Convolution& c) {
  SharedScratch spread_room;
  float* v = spread_room.Room<float>(c.squares.count * c.square_size() + kPoints * kPointsApart);
  const SpreadSquares spread = c.Spread(0, c.squares.count, false, v);
  const int64_t at_once = c.panels() >= c.loops.panels * Parallelism() ? c.loops.panels : 1;
  ParallelFor(CeilDiv(c.panels(), at_once), [&](int64_t task) {
    static thread_local Scratch room;
    const int64_t panel = task * at_once, last = std::min(panel + at_once, c.panels());
    float* u = room.Room<float>(at_once * c.panel_size());
    for (int64_t p = panel; p < last; p++) c.Transform(p, u + (p - panel) * c.panel_size());
    for (int64_t t = 0; t < spread.count; t += kTaskSquares) c.Multiply(spread, v, t, u, panel, last);
  });
}

// Both in turns, as much as stays in the last cache.
void ByTurns(const Convolution& c) {
  const int64_t panels_at_once = std::clamp<int64_t>(kKernelBytes / 4 / c.panel_size(), 1, c.panels());
  const int64_t at_once = std::clamp<int64_t>(kSpreadBytes / 4 / c.square_size(), 1, c.squares.count);
  SharedScratch spread_room, kernel_room;
  float* v = spread_room.Room<float>(at_once * c.square_size() + kPoints * kPointsApart);
  float* u = kernel_room.Room<float>(panels_at_once * c.panel_size());
  for (int64_t t = 0; t < c.squares.count; t += at_once) {
    const SpreadSquares spread = c.Spread(t, std::min(at_once, c.squares.count - t), false, v);
    const int64_t blocks = CeilDiv(spread.count, kTaskSquares);
    for (int64_t first = 0; first < c.panels(); first += panels_at_once) {
      const int64_t panels = std::min(panels_at_once, c.panels() - first);
      if (t == 0 || panels < c.panels())
        ParallelFor(panels, [&](int64_t p) { c.Transform(first + p, u + p * c.panel_size()); });
      const int64_t group = std::max<int64_t>(1, panels / CeilDiv(8 * Parallelism(), blocks));
      const int64_t groups = CeilDiv(panels, group);
      ParallelFor(blocks * groups, [&](int64_t task) {
        const int64_t panel = task % groups * group, last = std::min(panels, panel + group);
        c.Multiply(spread, v, task / groups * kTaskSquares, u + panel * c.panel_size(), first + panel, first + last);
      });
    }
  }
}

void Convolve(const Convolution& c) {
  const bool fits = c.panels() * c.panel_size() * 4 <= kKernelBytes;
  if (fits && CeilDiv(c.squares.count, kTaskSquares) >= 8 * Parallelism()) return BySquares(c);
  if (c.squares.count <= kFewSquares) return ByPanels(c);
  ByTurns(c);
}

}  // namespace

void WinogradConvolve(const WinogradShape& s, bool turned, const float* x, const float* factors, const float* w,
                      float* y) {
  const Squares squares(s);
  if (squares.count > 0)
    Convolve({squares, turned ? s.out : s.in, turned ? s.in : s.out, turned, x, factors, w, y});
}

}  // namespace bit
