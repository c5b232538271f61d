// Images that a convolution normalizes as it reads them, where it reads them as they lie.
#pragma once
#include <stdexcept>

#include "numeric.h"
#include "scratch.h"
#include "tf_kernel.h"
#include "tile_loops.h"

namespace bit {

// By what images x are normalized, if they are: a scale and an offset for each image and channel.
class FactorsInput : public OptionalInput {
 public:
  FactorsInput(TF_OpKernelContext* context, int index, int count, const Tensor& x)
      : OptionalInput(context, index, count) {
    Require({x.dim(0), 2, x.dim(3)}, "there must be a scale and an offset for each image and channel");
    // The loops by AVX-512 take 32 channels at a time.
    if (count > 0 && x.dim(3) % 32 != 0)
      throw std::runtime_error("channels that are normalized must be a multiple of 32");
  }
};

// Pixels [begin, end) of images x, of float32 or bfloat16, normalized, in `scratch`.
template <typename T>
const T* NormalizePixels(const ImageFactors& by, const T* x, int64_t begin, int64_t end, Scratch* scratch);

// All of them, by all threads.
template <typename T>
const T* NormalizeImages(const ImageFactors& by, const T* x, SharedScratch* scratch);

}  // namespace bit
