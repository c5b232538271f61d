// The inner loops of Winograd convolutions. Included once for each set of instructions, in a namespace that has
// BIT_TARGET, the Vector of kLanes channels, and kRowsAtOnce, rows whose sums with kPanelsAtOnce panels fit into the
// registers.

BIT_TARGET BIT_INLINE Vector Load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
BIT_TARGET BIT_INLINE void Store(float* to, Vector value) { std::memcpy(to, &value, sizeof value); }

#include "winograd_points.h"

constexpr int m = kWinogradSquare, n = kWinogradSquare + 2;

// Transforms the square `from` [rows, rows] to `to` [size, size] in both directions, by `map`.
template <int rows, int size, typename Map>
BIT_TARGET BIT_INLINE void BothWays(const Vector* from, Vector* to, Map map) {
  Vector between[size * rows], line[rows > size ? rows : size], mapped[rows > size ? rows : size];
#pragma GCC unroll 8
  for (int x = 0; x < rows; x++) {
#pragma GCC unroll 8
    for (int y = 0; y < rows; y++) line[y] = from[y * rows + x];
    map(line, mapped);
#pragma GCC unroll 8
    for (int y = 0; y < size; y++) between[y * rows + x] = mapped[y];
  }
#pragma GCC unroll 8
  for (int y = 0; y < size; y++) map(between + y * rows, to + y * size);
}

// Pixels of a square of `rows` x `rows` to their values at all points: those of one channel group after the other.
template <int rows, int size, typename Read, typename Map>
BIT_TARGET BIT_INLINE void Spread(int64_t channels, const Spacing& at, float* to, Read read, Map map) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vector from[rows * rows], values[size * size];
    read(c, from);
    BothWays<rows, size>(from, values, map);
    float* group = to + c / at.width * at.panel + c % at.width;
#pragma GCC unroll 36
    for (int p = 0; p < size * size; p++) Store(group + p * at.point, values[p]);
  }
}

template <int count>
BIT_TARGET BIT_INLINE void LoadPixels(const float* const* pixels, int64_t c, Vector* to) {
#pragma GCC unroll 36
  for (int i = 0; i < count; i++) to[i] = Load(pixels[i] + c);
}

BIT_TARGET void Images(const float* const* pixels, const PixelNormalization& by, int64_t channels, const Spacing& at,
                       float* to) {
  const auto map = [](const Vector* d, Vector* v) BIT_TARGET { Points::Images(d, v); };
  const auto plain = [&](int64_t c, Vector* from) BIT_TARGET { LoadPixels<n * n>(pixels, c, from); };
  const auto normalized = [&](int64_t c, Vector* from) BIT_TARGET {
    const Vector scale = Load(by.factors + c), offset = Load(by.factors + channels + c), zero = {};
#pragma GCC unroll 36
    for (int i = 0; i < n * n; i++) {
      const Vector value = Load(pixels[i] + c) * scale + offset;
      from[i] = pixels[i] == by.outside ? zero : value < 0 ? zero : value;  // what is not a number stays so
    }
  };
  if (by.factors == nullptr)
    Spread<n, n>(channels, at, to, plain, map);
  else
    Spread<n, n>(channels, at, to, normalized, map);
}

BIT_TARGET void Gradients(const float* const* pixels, int64_t channels, const Spacing& at, float* to) {
  const auto map = [](const Vector* y, Vector* v) BIT_TARGET { Points::ResultGradient(y, v); };
  Spread<m, n>(channels, at, to, [&](int64_t c, Vector* from) BIT_TARGET { LoadPixels<m * m>(pixels, c, from); },
               map);
}

BIT_TARGET void Kernel(const KernelPanel& k, int64_t point, float* to) {
  for (int64_t i = 0; i < k.in; i++)
    for (int64_t o = 0; o < kWinogradPanel; o += kLanes) {
      Vector g[9] = {}, values[n * n];
      for (int place = 0; place < 9; place++) {
        const float* from = k.from + k.places[place] + i * k.in_step + o * k.out_step;
        if (k.out_step == 1)
          g[place] = Load(from);
        else
          for (int64_t lane = 0; lane < kLanes; lane++) g[place][lane] = from[lane * k.out_step];
      }
      BothWays<3, n>(g, values,
                     [](const Vector* d, Vector* v) BIT_TARGET { Points::Kernel(d, v); });
#pragma GCC unroll 36
      for (int p = 0; p < n * n; p++) Store(to + p * point + i * kWinogradPanel + o, values[p]);
    }
}

BIT_TARGET void Result(const float* from, int64_t point, float* const* pixels) {
  for (int64_t o = 0; o < kWinogradPanel; o += kLanes) {
    Vector values[n * n], y[m * m];
#pragma GCC unroll 36
    for (int p = 0; p < n * n; p++) values[p] = Load(from + p * point + o);
    BothWays<n, m>(values, y, [](const Vector* v, Vector* r) BIT_TARGET { Points::Result(v, r); });
#pragma GCC unroll 16
    for (int i = 0; i < m * m; i++)
      if (pixels[i] != nullptr) Store(pixels[i] + o, y[i]);
  }
}

BIT_TARGET void KernelGradient(const float* from, int64_t point, int64_t channels, float* to, int64_t place) {
  for (int64_t o = 0; o < channels; o += kLanes) {
    Vector values[n * n], g[9];
#pragma GCC unroll 36
    for (int p = 0; p < n * n; p++) values[p] = Load(from + p * point + o);
    BothWays<n, 3>(values, g,
                   [](const Vector* v, Vector* r) BIT_TARGET { Points::KernelGradient(v, r); });
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) Store(to + i * place + o, g[i]);
  }
}

template <int kRows, int kPanels>
BIT_TARGET BIT_INLINE void Rows(const float* a, int64_t pitch, const WinogradKernel& by, float* c, int64_t c_panel) {
  constexpr int kOfPanel = kWinogradPanel / kLanes, kVectors = kPanels * kOfPanel;
  Vector sums[kRows][kVectors] = {};
  const float* b = by.values;
  for (int64_t k = 0; k < by.depth; k++, b += kWinogradPanel) {
    Vector columns[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) columns[j] = Load(b + j / kOfPanel * by.panel + j % kOfPanel * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; r++) {
      const float value = a[r * pitch + k];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) sums[r][j] += columns[j] * value;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; r++)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++)
      Store(c + j / kOfPanel * c_panel + r * kWinogradPanel + j % kOfPanel * kLanes, sums[r][j]);
}

// As many rows as are left, kRows at most.
template <int kRows, int kPanels>
BIT_TARGET BIT_INLINE void LastRows(const float* a, int64_t pitch, int64_t rows, const WinogradKernel& by, float* c,
                                    int64_t c_panel) {
  if (rows == kRows) return Rows<kRows, kPanels>(a, pitch, by, c, c_panel);
  if constexpr (kRows > 1) LastRows<kRows - 1, kPanels>(a, pitch, rows, by, c, c_panel);
}

template <int kPanels>
BIT_TARGET void MultiplyPanels(const float* a, int64_t pitch, int64_t rows, const WinogradKernel& by, float* c,
                               int64_t c_panel) {
  for (; rows >= kRowsAtOnce; rows -= kRowsAtOnce, a += kRowsAtOnce * pitch, c += kRowsAtOnce * kWinogradPanel)
    Rows<kRowsAtOnce, kPanels>(a, pitch, by, c, c_panel);
  LastRows<kRowsAtOnce - 1, kPanels>(a, pitch, rows, by, c, c_panel);
}

inline void Multiply(const float* a, int64_t pitch, int64_t rows, const WinogradKernel& by, float* c,
                     int64_t c_panel) {
  if constexpr (kPanelsAtOnce > 1)
    if (by.panels == kPanelsAtOnce) return MultiplyPanels<kPanelsAtOnce>(a, pitch, rows, by, c, c_panel);
  MultiplyPanels<1>(a, pitch, rows, by, c, c_panel);
}

constexpr WinogradLoops kLoops = {Images,         Gradients, Kernel,       Result,
                                  KernelGradient, Multiply,  kPanelsAtOnce};
