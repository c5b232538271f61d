// Weight standardization into bfloat16, (w - mean) * rstd, packed for convolutions on matrix tiles.
#pragma once
#include <cstdint>

#include "numeric.h"

namespace bit {

// `rows` rows, an even number of them, of filters in multiples of 32, to panels of 32 filters: pairs of rows
// [rows / 2, 32], panels `pitch` pairs apart.
void PackStandardized(const float* w, int64_t rows, int64_t filters, const float* mean, const float* rstd,
                      uint32_t* to, int64_t pitch);

}  // namespace bit
