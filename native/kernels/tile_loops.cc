#include "tile_loops.h"

#include <cstring>

#include "wide.h"

namespace bit {
namespace {

namespace plain {
void PackTurned(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                int64_t pitch) {
  for (int64_t q = 0; q < count; q++)
    for (int64_t c = 0; c < n; c++) to[c * pitch + q] = pixels[q][first + c];
}

void PackPairs(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to) {
  for (int64_t q = 0; q < count; q += 2)
    for (int64_t c = 0; c < n; c++) {
      const uint32_t low = pixels[q][first + c], high = pixels[q + 1][first + c];
      to[(c / 32 * (count / 2) + q / 2) * 32 + c % 32] = low | high << 16;
    }
}

void PackKernel(const uint16_t* w, bool turned, int64_t in, int64_t columns, int64_t o, uint32_t* to) {
  const auto* values = reinterpret_cast<const bfloat16*>(w);
  if (turned)
    PackChannels(values + o * in, in, in / 2, 32, to);
  else
    PackRow(Row<bfloat16>{values, in, columns, 0, 1, in}, o, 32, to);
}

void PackTurnedKernel(const uint32_t* from, int64_t pitch, int64_t in, uint32_t* to) {
  for (int64_t k = 0; k < in; k += 32, from += pitch, to += 16 * 32)
    for (int64_t i = 0; i < 32; i += 2)
      for (int64_t j = 0; j < 32; j++) {
        const uint32_t low = from[j / 2 * 32 + i], high = from[j / 2 * 32 + i + 1], half = j % 2 * 16;
        to[i / 2 * 32 + j] = (low >> half & 0xffff) | (high >> half & 0xffff) << 16;
      }
}

// As the processor does them: each product and sum in one, rounded once, values too small to be normal zeros.
BIT_INLINE float MultiplyAdd(float a, float b, float c) {
  return Normal(__builtin_fmaf(Normal(a), Normal(b), Normal(c)));
}

BIT_INLINE uint16_t Normalized(uint16_t x, float scale, float offset) {
  const float value = MultiplyAdd(ToFloat(bfloat16{x}), scale, offset);
  return FromFloat<bfloat16>(value < 0 ? 0.0f : value).bits;  // what is not a number stays so
}

BIT_INLINE void NormalizeAll(const Pixel* pixels, int64_t count, int64_t n, Pixel zeros,
                             const Normalization& by, uint16_t* to) {
  for (int64_t q = 0; q < count; q++, to += n) {
    if (pixels[q] == zeros) {
      std::memset(to, 0, n * sizeof *to);
      continue;
    }
    for (int64_t c = 0; c < n; c++) to[c] = Normalized(pixels[q][c], by.scale[c], by.offset[c]);
  }
}

BIT_INLINE void NormalizeTurned(const Pixel* pixels, const float* const* factors, int64_t channels,
                                int64_t count, int64_t first, int64_t n, uint16_t* to, int64_t pitch) {
  for (int64_t q = 0; q < count; q++)
    for (int64_t c = 0; c < n; c++) {
      const float* scale = factors[q] + first + c;
      to[c * pitch + q] = Normalized(pixels[q][first + c], scale[0], scale[channels]);
    }
}

BIT_INLINE void FinishAll(const float* sums, const SumsPlace* to, int64_t column,
                          const SumsResult& result) {
  for (int r = 0; r < 32; r++, sums += 32) {
    if (to[r].pixel < 0) continue;
    const int64_t at = to[r].pixel * result.channels + column;
    uint16_t* y = result.y + at;
    for (int i = 0; i < 32; i++) {
      float sum = sums[i];
      if (result.plus != nullptr) sum = Normal(sum + Normal(ToFloat(bfloat16{result.plus[at + i]})));
      y[i] = FromFloat<bfloat16>(sum).bits;
    }
    if (result.moments == nullptr) continue;
    float* moments = result.moments + to[r].segment * 2 * result.channels + column;
    float* squares = moments + result.channels;
    for (int i = 0; i < 32; i++) {
      const float value = ToFloat(bfloat16{y[i]});
      moments[i] = Normal(moments[i] + value);
      squares[i] = MultiplyAdd(value, value, squares[i]);
    }
  }
}

// Twice each: the C library's fmaf is a call for each value.
#define BIT_PLAIN_LOOPS(Name, TARGET)                                                                  \
  TARGET void Normalize##Name(const Pixel* pixels, int64_t count, int64_t n, Pixel zeros,              \
                              const Normalization& by, uint16_t* to) {                                 \
    NormalizeAll(pixels, count, n, zeros, by, to);                                                     \
  }                                                                                                    \
  TARGET void NormalizeTurned##Name(const Pixel* pixels, const float* const* factors, int64_t channels, \
                                    int64_t count, int64_t first, int64_t n, uint16_t* to,             \
                                    int64_t pitch) {                                                   \
    NormalizeTurned(pixels, factors, channels, count, first, n, to, pitch);                            \
  }                                                                                                    \
  TARGET void Finish##Name(const float* sums, const SumsPlace* to, int64_t column,                     \
                           const SumsResult& result) {                                                 \
    FinishAll(sums, to, column, result);                                                               \
  }
BIT_PLAIN_LOOPS(Anywhere, )
#ifdef BIT_HAS_X86
BIT_PLAIN_LOOPS(Fused, __attribute__((target("avx2,fma"))))
#endif
#undef BIT_PLAIN_LOOPS
}  // namespace plain

}  // namespace

const TileLoops& PlainLoops() {
  static const TileLoops anywhere = {plain::PackTurned, plain::NormalizeTurnedAnywhere,
                                     plain::PackPairs, plain::PackKernel, plain::PackTurnedKernel,
                                     plain::NormalizeAnywhere, plain::FinishAnywhere};
#ifdef BIT_HAS_X86
  static const TileLoops fused = {plain::PackTurned, plain::NormalizeTurnedFused,
                                  plain::PackPairs, plain::PackKernel, plain::PackTurnedKernel,
                                  plain::NormalizeFused, plain::FinishFused};
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has) return fused;
#endif
  return anywhere;
}

const TileLoops& FastestLoops() {
#ifdef BIT_HAS_X86
  if (RunsWide()) return kWideLoops;
#endif
  return PlainLoops();
}

BIT_FOR_EACH_PROCESSOR void PackPixels(const Pixel* pixels, int64_t count, int64_t n, uint16_t* to) {
  const int64_t ahead = std::max<int64_t>(1, 2048 / n);
  for (int64_t q = 0; q < count; q++, to += n) {
    const Pixel next = pixels[q + ahead < count ? q + ahead : q];
    for (int64_t c = 0; c < n; c += 32) __builtin_prefetch(next + c);
    for (int64_t c = 0; c < n; c += 32) std::memcpy(to + c, pixels[q] + c, 64);
  }
}

namespace {

// Calls `use` with each image's part of `count` pixels of a list, of which the first is the one at `at`: where it
// begins, how many pixels it has, and its factors.
template <typename Use>
void ForImageParts(const ImageFactors& by, int64_t at, int64_t count, const Use& use) {
  for (int64_t q = 0; q < count;) {
    const int64_t image = (at + q) / by.pixels, left = (image + 1) * by.pixels - (at + q);
    const int64_t part = std::min(count - q, left);
    // Behind the last image there are zeros only.
    use(q, part, by.factors + std::min(image, by.images - 1) * 2 * by.channels);
    q += part;
  }
}

}  // namespace

void PackNormalized(const TileLoops& loops, const ImageFactors& by, const Pixel* found, int64_t at,
                    int64_t count, Pixel zeros, uint16_t* to) {
  ForImageParts(by, at, count, [&](int64_t q, int64_t part, const float* factors) {
    loops.normalized(found + q, part, by.channels, zeros, {factors, factors + by.channels},
                     to + q * by.channels);
  });
}

void FindFactors(const ImageFactors& by, const Pixel* found, int64_t at, int64_t count, Pixel zeros,
                 const float* nothing, const float** to) {
  ForImageParts(by, at, count, [&](int64_t q, int64_t part, const float* factors) {
    for (int64_t i = q; i < q + part; i++) to[i] = found[i] == zeros ? nothing : factors;
  });
}

}  // namespace bit
