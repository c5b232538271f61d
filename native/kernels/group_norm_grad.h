// What the loops of group normalization's gradient are given.
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

#ifdef BIT_HAS_X86
// The loops of group_norm_grad.cc by AVX-512 and its instructions on bfloat16.
namespace wide {
// Whether they are for such rows, and for this processor.
bool Takes(const ChannelRows& at);
void GradientSums(const bfloat16* dy, const bfloat16* x, const ChannelRows& at, const GradientFactors& by,
                  float* scratch, double* sums, double* products);
void Gradient(const bfloat16* dy, const bfloat16* x, const bfloat16* plus, const ChannelRows& at,
              const GradientFactors& by, bfloat16* dx);
}  // namespace wide
#endif

}  // namespace bit
