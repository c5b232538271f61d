// Images that a convolution normalizes as it reads them, where it reads them as they lie.
#pragma once
#include "numeric.h"
#include "scratch.h"
#include "tile_loops.h"

namespace bit {

// Pixels [begin, end) of images x, normalized, in `scratch`.
const bfloat16* NormalizePixels(const ImageFactors& by, const bfloat16* x, int64_t begin, int64_t end,
                                Scratch* scratch);

// All of them, by all threads.
const bfloat16* NormalizeImages(const ImageFactors& by, const bfloat16* x, Scratch* scratch);

}  // namespace bit
