// A tile of a convolution whose sums stay in registers. Included as panel_tile.h is, with Value, the type of
// images, kPixels, which are taken together, and kStep, values of k between two fetches of a pixel, which depths are
// multiples of; Widen makes its values sums, and Round stores sums as such.

template <int kVectors>
BIT_TARGET void PixelTile(const PixelsMet<Value>& met, int first, const uint32_t* b, int64_t pitch,
                          int64_t column, const Value* const* plus, Value* const* to) {
  Sums sums[kTileRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; r++)
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; j++) sums[r][j] = Zero();
  constexpr int64_t kLine = 64 / sizeof(Value);
  for (int r = 0; r < kTileRows; r++)
    for (int64_t at = 0; at < kVectors * kLanes; at += kLine) {
      __builtin_prefetch(to[r] + column + at, 1);
      if (plus != nullptr) __builtin_prefetch(plus[r] + column + at);
    }
  const Value *const *from = met.from + first, *const *next = met.next + first;
  for (int64_t place = 0; place < met.places; place++, from += kPixels, next += kPixels) {
    const uint32_t* pixel[kTileRows];
    for (int r = 0; r < kTileRows; r++) pixel[r] = reinterpret_cast<const uint32_t*>(from[r]);
    for (int64_t begin = 0; begin < met.depth; begin += kStep) {
      for (int r = 0; r < kTileRows; r++)
        __builtin_prefetch(reinterpret_cast<const uint32_t*>(next[r]) + begin);
      for (int64_t k = begin; k < begin + kStep; k++, b += pitch) {
        Pairs columns[kVectors];
        for (int j = 0; j < kVectors; j++) columns[j] = Load(b + j * kLanes);
        for (int r = 0; r < kTileRows; r++) {
          const Pairs row = Broadcast(pixel[r] + k);
          for (int j = 0; j < kVectors; j++) sums[r][j] = MultiplyAdd(sums[r][j], row, columns[j]);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; r++)
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; j++) {
      const int64_t at = column + j * kLanes;
      const Sums sum = plus == nullptr ? sums[r][j] : Add(sums[r][j], Widen(plus[r] + at));
      Round(to[r] + at, sum);
    }
}

inline void ConvolvePixels(const PixelsMet<Value>& met, const uint32_t* b, int64_t n,
                           const Value* const* plus, Value* const* to) {
  static_assert(kPixels <= kMostPixels && kPixels % kTileRows == 0, "pixels are taken by whole tiles");
  for (int r = 0; r < kPixels; r += kTileRows) {
    const Value* const* added = plus == nullptr ? nullptr : plus + r;
    int64_t j = 0;
    for (; j + 2 * kLanes <= n; j += 2 * kLanes) PixelTile<2>(met, r, b + j, n, j, added, to + r);
    for (; j < n; j += kLanes) PixelTile<1>(met, r, b + j, n, j, added, to + r);
  }
}
