// Matrix tiles of a processor (Intel AMX), and the same in plain C++, bit for bit, for processors that
// have none and for tests. What multiplies by them (tile_products.h) is a template of either.
//
// A tile has 16 rows of 64 bytes: bfloat16 [16, 32], pairs of bfloat16 [16, 16], or float32 [16, 16].
// There are eight of them. A thread has them between the beginning and the end of a Session.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

#include "numeric.h"

#if defined(BIT_HAS_X86) && defined(__linux__)
#define BIT_HAS_AMX 1
#endif

namespace bit {

#ifdef BIT_HAS_AMX
// Instructions by their bytes, since assemblers of before 2021 do not know them; memory is at rax, its
// pitch in rcx. Source: Intel's Software Developer's Manual, volume 2 (LDTILECFG, TILELOADD, TDPBF16PS).
// The intrinsics of GCC (as of 12) tell the compiler neither of the memory that a tile is loaded from nor
// of more than 8 bytes of the configuration, so stores before them may be moved or dropped: "memory" here.
struct AmxTiles {
  struct Session {
    Session() {
      struct alignas(64) {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t row_bytes[16] = {};
        uint8_t rows[16] = {};
      } config;
      for (int t = 0; t < 8; t++) config.row_bytes[t] = 64, config.rows[t] = 16;
      asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0x00 # ldtilecfg (%0)" ::"a"(&config), "m"(config));
    }
    // Back to the initial state: a thread that is switched away has 8 KB less to be saved.
    ~Session() { asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0 # tilerelease"); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  template <int t>
  static void Zero() {
    asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x49, %c0 # tilezero" ::"i"(0xc0 | t << 3));
  }
  template <int t>
  static void Load(const void* from, int64_t pitch) {
    asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x4b, %c0, 0x08 # tileloadd" ::"i"(0x04 | t << 3), "a"(from),
                 "c"(pitch)
                 : "memory");
  }
  template <int t>
  static void Store(void* to, int64_t pitch) {
    asm volatile(".byte 0xc4, 0xe2, 0x7a, 0x4b, %c0, 0x08 # tilestored" ::"i"(0x04 | t << 3), "a"(to),
                 "c"(pitch)
                 : "memory");
  }
  // sums += a b.
  template <int sums, int a, int b>
  static void MultiplyAdd() {
    asm volatile(".byte 0xc4, 0xe2, %c0, 0x5c, %c1 # tdpbf16ps" ::"i"((~b & 15) << 3 | 2),
                 "i"(0xc0 | sums << 3 | a));
  }
};
#endif

// Values too small to be normal are zeros to tiles.
BIT_INLINE float Normal(float value) {
  return __builtin_fabsf(value) < 0x1p-126f ? __builtin_copysignf(0, value) : value;
}

// sums [16, 16] += a [16, 32] times b, in pairs [16, 16]: as the processor does.
void MultiplyPlainTiles(const uint16_t* a, const uint16_t* b, float* sums);

struct PlainTiles {
  struct Session {
    Session() {}
  };

  template <int t>
  static void Zero() {
    std::memset(Memory(t), 0, kBytes);
  }
  template <int t>
  static void Load(const void* from, int64_t pitch) {
    for (int64_t r = 0; r < 16; r++)
      std::memcpy(Memory(t) + r * 64, static_cast<const char*>(from) + r * pitch, 64);
  }
  template <int t>
  static void Store(void* to, int64_t pitch) {
    for (int64_t r = 0; r < 16; r++)
      std::memcpy(static_cast<char*>(to) + r * pitch, Memory(t) + r * 64, 64);
  }
  template <int sums, int a, int b>
  static void MultiplyAdd() {
    uint16_t left[kBytes / 2], right[kBytes / 2];
    float values[kBytes / 4];
    std::memcpy(left, Memory(a), kBytes);
    std::memcpy(right, Memory(b), kBytes);
    std::memcpy(values, Memory(sums), kBytes);
    MultiplyPlainTiles(left, right, values);
    std::memcpy(Memory(sums), values, kBytes);
  }

 private:
  static constexpr int64_t kBytes = 1024;
  static char* Memory(int t) {
    alignas(64) static thread_local char memory[8][kBytes];
    return memory[t];
  }
};

// Why the processor's tiles cannot be used here, for people; empty where they can. Asks the system for
// them, once a process: threads that run already are allowed too.
const std::string& TilesMissing();

// What is wrong with the processor's tiles, by small convolutions and gradients that they and plain ones
// compute, once a process; empty where all bits are the same. Only where they can be used.
const std::string& TilesFault();

// Values of an operation's attribute `tiles`.
constexpr int kNoTiles = 0, kProcessorsTiles = 1, kPlainTiles = 2;

// Throws where an operation's tiles are not there, or wrong. Who makes a graph asked that before.
void RequireTiles(int tiles);

// Calls `use` with the tiles of an operation.
template <typename Use>
void UseTiles(int tiles, const Use& use) {
#ifdef BIT_HAS_AMX
  if (tiles == kProcessorsTiles) return use(AmxTiles());
#endif
  use(PlainTiles());
}

}  // namespace bit
