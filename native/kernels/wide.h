// What loops by AVX-512 and its instructions on bfloat16 share.
#pragma once
#include "numeric.h"

#ifdef BIT_HAS_X86
#include <immintrin.h>

#define BIT_WIDE __attribute__((target("avx512f,avx512bw,avx512bf16")))

namespace bit {

// Whether this processor runs them.
inline bool RunsWide() {
  static const bool has = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
  return has;
}

// The instruction that rounds takes values too small to be normal for zeros, as tiles do, and as they are where kernels
// run.
BIT_WIDE BIT_INLINE __m512i Round(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }

// The 16 values of the lower half and those of the upper half in pairs, the former in the lower halves.
BIT_WIDE BIT_INLINE __m512i InPairs(__m512i both) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, both);
}

}  // namespace bit
#endif
