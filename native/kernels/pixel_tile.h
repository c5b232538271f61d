// A tile of a convolution whose sums stay in registers. Included as panel_tile.h is; Widen makes
// bfloat16 values sums, and Round stores sums as bfloat16.

template <int kVectors>
BIT_TARGET void PixelTile(const bfloat16* const* from, int64_t places, int64_t pairs,
                          const uint32_t* b, int64_t pitch, int64_t column, const bfloat16* const* plus,
                          bfloat16* const* to) {
  Sums sums[kTileRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; r++)
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; j++) sums[r][j] = Zero();
  for (int64_t place = 0; place < places; place++, from += kPixels) {
    const uint32_t* pixel[kTileRows];
    for (int r = 0; r < kTileRows; r++) pixel[r] = reinterpret_cast<const uint32_t*>(from[r]);
    for (int64_t k = 0; k < pairs; k++, b += pitch) {
      Pairs columns[kVectors];
      for (int j = 0; j < kVectors; j++) columns[j] = Load(b + j * kLanes);
      for (int r = 0; r < kTileRows; r++) {
        const Pairs row = Broadcast(pixel[r] + k);
        for (int j = 0; j < kVectors; j++) sums[r][j] = MultiplyAdd(sums[r][j], row, columns[j]);
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

inline void ConvolvePixels(const bfloat16* const* from, int64_t places, int64_t pairs,
                           const uint32_t* b, int64_t n, const bfloat16* const* plus,
                           bfloat16* const* to) {
  for (int64_t r = 0; r < kPixels; r += kTileRows) {
    const bfloat16* const* added = plus == nullptr ? nullptr : plus + r;
    int64_t j = 0;
    for (; j + 2 * kLanes <= n; j += 2 * kLanes)
      PixelTile<2>(from + r, places, pairs, b + j, n, j, added, to + r);
    for (; j < n; j += kLanes) PixelTile<1>(from + r, places, pairs, b + j, n, j, added, to + r);
  }
}
