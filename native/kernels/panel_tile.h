// A tile of panel products whose sums stay in registers. Included once for each set of instructions,
// in a namespace that has BIT_TARGET, kTileRows, Pairs (values of k) and Sums of kLanes values, and the
// functions Zero, Load, Broadcast, MultiplyAdd and AddTo.

template <int kRows, int kVectors>
BIT_TARGET void Tile(const uint32_t* a, const uint32_t* b, const Run* runs, int64_t count,
                     int64_t pitch, float* c, int64_t stride) {
  Sums sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; j++) sums[r][j] = Zero();
  for (const Run* run = runs; run < runs + count; run++) {
    const uint32_t* from_a = a + run->a * kPanelRows;
    const uint32_t* from_b = b + run->b * pitch;
    for (int64_t k = 0; k < run->length; k++, from_a += kPanelRows, from_b += pitch) {
      Pairs columns[kVectors];
      for (int j = 0; j < kVectors; j++) columns[j] = Load(from_b + j * kLanes);
      for (int r = 0; r < kRows; r++) {
        const Pairs row = Broadcast(from_a + r);
        for (int j = 0; j < kVectors; j++) sums[r][j] = MultiplyAdd(sums[r][j], row, columns[j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; j++) AddTo(c + r * stride + j * kLanes, sums[r][j]);
}

// Rows of a panel, in tiles of kTileRows and one of the rest.
template <int kVectors>
void PanelColumns(const uint32_t* a, const uint32_t* b, const Run* runs, int64_t count, int64_t pitch,
                  float* c, int64_t stride) {
  constexpr int kWhole = kPanelRows / kTileRows * kTileRows, kRest = kPanelRows - kWhole;
  for (int64_t r = 0; r < kWhole; r += kTileRows)
    Tile<kTileRows, kVectors>(a + r, b, runs, count, pitch, c + r * stride, stride);
  if constexpr (kRest > 0)
    Tile<kRest, kVectors>(a + kWhole, b, runs, count, pitch, c + kWhole * stride, stride);
}

inline void Products(const uint32_t* a, const uint32_t* b, const Run* runs, int64_t count, int64_t n,
                     float* c, int64_t stride) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes)
    PanelColumns<2>(a, b + j, runs, count, n, c + j, stride);
  for (; j < n; j += kLanes) PanelColumns<1>(a, b + j, runs, count, n, c + j, stride);
}
