// What group normalization and its gradient share: how they go over the images, and each channel's
// scale and offset.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "numeric.h"
#include "parallel.h"
#include "tf_kernel.h"

namespace bit {

// Rows that are summed in float32 before their sum goes into a float64.
inline constexpr int64_t kRowsAtOnce = 256;

// How many rows ahead of their use values are fetched: some 4 KB, and two rows at least.
template <typename T>
BIT_INLINE int64_t RowsAhead(int64_t channels) {
  return std::max<int64_t>(2, (4 << 10) / (channels * static_cast<int64_t>(sizeof(T))));
}

// Images [N, H, W, C] seen as N images of `rows` rows of `channels`, each image in `parts` parts of
// rows, so that few images still occupy all threads.
struct GroupLayout {
  GroupLayout(const Tensor& x, int groups) {
    if (x.rank() != 4) throw std::runtime_error("images must have four dimensions");
    images = x.dim(0);
    rows = x.dim(1) * x.dim(2);
    channels = x.dim(3);
    if (groups < 1 || channels % groups != 0)
      throw std::runtime_error("channels must be a multiple of the groups");
    per_group = channels / groups;
    const int64_t threads = Parallelism();
    const int64_t wanted =
        images >= threads ? 1 : (2 * threads + images - 1) / std::max<int64_t>(images, 1);
    parts = std::max<int64_t>(1, std::min(wanted, rows / 64));
  }
  int64_t begin(int64_t part) const { return rows * part / parts; }
  int64_t images, rows, channels, per_group, parts;
};

// y = max(0, x * scale + offset) of `rows` rows of `channels`, scale and offset by channel. What is not a number
// stays so.
void ScaleRelu(const float* x, int64_t rows, int64_t channels, const float* scale, const float* offset,
               float* y);
void ScaleRelu(const bfloat16* x, int64_t rows, int64_t channels, const float* scale, const float* offset,
               bfloat16* y);

// Runs `sum` on every part of every image, `join` on every image and `apply` on every part again;
// an image that is one part goes through all three at once, while it lies in the cache.
template <typename Sum, typename Join, typename Apply>
void ForImages(const GroupLayout& layout, const Sum& sum, const Join& join, const Apply& apply) {
  if (layout.parts == 1) {
    ParallelFor(layout.images, [&](int64_t n) {
      sum(n, 0);
      join(n);
      apply(n, 0);
    });
    return;
  }
  const int64_t all = layout.images * layout.parts;
  ParallelFor(all, [&](int64_t i) { sum(i / layout.parts, i % layout.parts); });
  ParallelFor(layout.images, join);
  ParallelFor(all, [&](int64_t i) { apply(i / layout.parts, i % layout.parts); });
}

// Image n's normalization as a scale and an offset for each channel, from its groups' mean and
// 1 / standard deviation, into `factors` [2, channels].
inline void Factors(int64_t n, const GroupLayout& at, const float* gamma, const float* beta, const float* mean,
                    const float* rstd, float* factors) {
  const int64_t groups = at.channels / at.per_group;
  for (int64_t g = 0; g < groups; g++) {
    const float mu = mean[n * groups + g], r = rstd[n * groups + g];
    for (int64_t i = g * at.per_group; i < (g + 1) * at.per_group; i++) {
      factors[i] = r * gamma[i];
      factors[at.channels + i] = beta[i] - mu * factors[i];
    }
  }
}

}  // namespace bit
