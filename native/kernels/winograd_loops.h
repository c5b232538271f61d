// The inner loops of Winograd convolutions (winograd_points.h) in float32, by what the processor has.
#pragma once
#include <cstdint>

#include "panel_products.h"

namespace bit {

// So many values of the result in both directions are computed together, of as many products each.
inline constexpr int kWinogradSquare = 4, kWinogradPoints = 36;
// Channels side by side in a panel, of either side.
inline constexpr int64_t kWinogradPanel = kPanelRows;

// Where values at points go: those of the next point, and of the next panel of so many channels.
struct Spacing {
  int64_t point, panel, width;
};

// A panel of the channels of the result, of a kernel [3, 3, in, out] or one turned round: from `from` on.
struct KernelPanel {
  const float* from;
  int64_t places[9];  // where each place of the kernel begins
  int64_t in, in_step, out_step;
};

// How pixels are normalized as they are read, [2, channels]: max(0, x * scale + offset); null: not at all. A pixel
// outside the image, at `outside`, stays zero.
struct PixelNormalization {
  const float *factors, *outside;
};

// A kernel's values at a point, [depth, kWinogradPanel] of each of some panels, `panel` apart.
struct WinogradKernel {
  const float* values;
  int64_t depth, panels, panel;
};

struct WinogradLoops {
  // What is read, 6 * 6 pixels, and gradients of the result, 4 * 4 pixels, each with its channels.
  void (*images)(const float* const* pixels, const PixelNormalization& by, int64_t channels, const Spacing& at,
                 float* to);
  void (*gradients)(const float* const* pixels, int64_t channels, const Spacing& at, float* to);
  // To [points, in, kWinogradPanel], points `point` apart.
  void (*kernel)(const KernelPanel& panel, int64_t point, float* to);
  // A panel of a square of the result, from products whose points are `point` apart. Pixels outside are null.
  void (*result)(const float* from, int64_t point, float* const* pixels);
  // Channels of the nine places of a gradient, which are `place` apart.
  void (*kernel_gradient)(const float* from, int64_t point, int64_t channels, float* to, int64_t place);
  // c [rows, kWinogradPanel] of each panel, `c_panel` apart, = a [rows, depth], rows `pitch` apart, times the panel.
  // There are one or `panels` of them.
  void (*multiply)(const float* a, int64_t pitch, int64_t rows, const WinogradKernel& by, float* c, int64_t c_panel);
  int64_t panels;
};

// The fastest that this processor has.
WinogradLoops FindWinogradLoops();

}  // namespace bit
