// The one inner loop (micro-kernel) of what is multiplied by tiles: 32 x 32 sums in four tiles.
//
//               b: 16 pairs of k x 32 columns
//               [ tile 6 ][ tile 7 ]
//   a: 32 rows
//   [ tile 4 ]  [ tile 0 ][ tile 1 ]
//   [ tile 5 ]  [ tile 2 ][ tile 3 ]
//
// Four loads of tiles serve four products: the products are what takes the time.
#pragma once
#include <cstdint>

#include "tiles.h"

namespace bit {

// c [32, 32], rows c_pitch bytes apart, is set to (or has added to it) the sum over `count` places of
// a [32, 32 * steps] at from[place], rows a_pitch bytes apart, times b's next 32 * steps rows, in pairs
// [16 * steps, 32]. A pitch that is a multiple of 4,096 is slow: its rows share a set of the cache.
template <typename T>
inline void MultiplyByTiles(const uint16_t* const* from, int64_t count, int64_t steps, int64_t a_pitch,
                            const uint32_t* b, float* c, int64_t c_pitch, bool add) {
  const auto at = [&](int64_t row, int64_t column) {
    return reinterpret_cast<char*>(c) + row * c_pitch + column * 4;
  };
  if (add) {
    T::template Load<0>(at(0, 0), c_pitch);
    T::template Load<1>(at(0, 16), c_pitch);
    T::template Load<2>(at(16, 0), c_pitch);
    T::template Load<3>(at(16, 16), c_pitch);
  } else {
    T::template Zero<0>();
    T::template Zero<1>();
    T::template Zero<2>();
    T::template Zero<3>();
  }
  for (int64_t place = 0; place < count; place++) {
    const char* upper = reinterpret_cast<const char*>(from[place]);
    const char* lower = upper + 16 * a_pitch;
    for (int64_t k = 0; k < steps; k++, upper += 64, lower += 64, b += 16 * 32) {
      T::template Load<4>(upper, a_pitch);
      T::template Load<6>(b, 128);
      T::template MultiplyAdd<0, 4, 6>();
      T::template Load<7>(b + 16, 128);
      T::template MultiplyAdd<1, 4, 7>();
      T::template Load<5>(lower, a_pitch);
      T::template MultiplyAdd<2, 5, 6>();
      T::template MultiplyAdd<3, 5, 7>();
    }
  }
  T::template Store<0>(at(0, 0), c_pitch);
  T::template Store<1>(at(0, 16), c_pitch);
  T::template Store<2>(at(16, 0), c_pitch);
  T::template Store<3>(at(16, 16), c_pitch);
}

}  // namespace bit
