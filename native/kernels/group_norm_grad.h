// The loops of group normalization's gradient: over rows of channels, in two passes.
#pragma once
#include <cstdint>

#include "numeric.h"

namespace bit {

// By channel: the normalization's scale and offset, and what the gradient makes of x besides.
struct GradientFactors {
  const float *scale, *offset, *slope, *constant;
};

// Images' rows, or some of them.
struct ChannelRows {
  int64_t rows, channels;
};

// Adds to `sums` and `products`, float64 [channels], those of d and of d * x, where d is dy where the ReLU let
// x * scale + offset pass and else 0. `scratch` has room for 2 * channels.
void GradientSums(const float* dy, const float* x, const ChannelRows& at, const GradientFactors& by, float* scratch,
                  double* sums, double* products);
void GradientSums(const bfloat16* dy, const bfloat16* x, const ChannelRows& at, const GradientFactors& by,
                  float* scratch, double* sums, double* products);

// dx = d * scale + x * slope + constant, + plus unless it is null. dx may be dy or x.
void Gradient(const float* dy, const float* x, const float* plus, const ChannelRows& at, const GradientFactors& by,
              float* dx);
void Gradient(const bfloat16* dy, const bfloat16* x, const bfloat16* plus, const ChannelRows& at,
              const GradientFactors& by, bfloat16* dx);

#ifdef BIT_HAS_X86
// The same by AVX-512 and its instructions on bfloat16: channels in multiples of 32.
namespace wide {
void GradientSums(const bfloat16* dy, const bfloat16* x, const ChannelRows& at, const GradientFactors& by,
                  float* scratch, double* sums, double* products);
void Gradient(const bfloat16* dy, const bfloat16* x, const bfloat16* plus, const ChannelRows& at,
              const GradientFactors& by, bfloat16* dx);
}  // namespace wide
#endif

}  // namespace bit
