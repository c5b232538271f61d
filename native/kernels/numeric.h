// Element types, and code compiled once for each set of instructions a processor may have.
#pragma once
#include <cstdint>
#include <cstring>

// The right version is chosen when the library is loaded. What a function marked so calls must be
// inlined into it, or it stays in the plain version.
#if defined(__x86_64__) && defined(__linux__)
#define BIT_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BIT_FOR_EACH_PROCESSOR
#endif
// Compilers that know the processors' instructions on bfloat16.
#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10)
#define BIT_HAS_X86 1
#endif
#define BIT_INLINE inline __attribute__((always_inline))

namespace bit {

// The upper half of a float32.
struct bfloat16 {
  uint16_t bits;
};

BIT_INLINE float ToFloat(float value) { return value; }
BIT_INLINE float ToFloat(bfloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

template <typename T>
BIT_INLINE T FromFloat(float value);
template <>
BIT_INLINE float FromFloat<float>(float value) {
  return value;
}
// Asks for values that are read soon. Hardware fetches ahead within a page of 4 KB only, and on
// servers the last cache is far away.
template <typename T>
BIT_INLINE void FetchAhead(const T* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(from + i);
}

// Rounded to nearest, ties to even. A quiet NaN, as all arithmetic makes them, stays one: the two
// minima keep its payload from running over. To choose by a comparison takes vectors far longer.
template <>
BIT_INLINE bfloat16 FromFloat<bfloat16>(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = bits < 0x7fff7fff ? bits : 0x7fff7fff;
  uint32_t plain = static_cast<uint32_t>(bits);
  plain = plain < 0xffff7fff ? plain : 0xffff7fff;
  return {static_cast<uint16_t>((plain + 0x7fff + ((plain >> 16) & 1)) >> 16)};
}

}  // namespace bit
