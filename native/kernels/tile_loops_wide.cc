// What surrounds the products of tiles, by AVX-512 and its instructions on bfloat16: every processor with AMX has
// these.
#include "tile_loops.h"
#include "wide.h"

#ifdef BIT_HAS_X86

namespace bit {
namespace {

// Hardware fetches ahead within a page of 4 KB only, which is one row of few pixels: here is more.
inline void Prefetch(const void* from) { _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0); }

BIT_WIDE inline __m512 Widen(const uint16_t* from) {
  const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

// 16 values of a register of 32, of its lower or its upper half.
BIT_WIDE inline __m512 WidenLow(__m512i both) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), 16));
}
BIT_WIDE inline __m512 WidenHigh(__m512i both) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1)), 16));
}

// Of a zero and what is not a number, the maximum is the second.
BIT_WIDE inline __m512 Normalized(__m512 x, const float* scale, const float* offset) {
  const __m512 value = _mm512_fmadd_ps(x, _mm512_loadu_ps(scale), _mm512_loadu_ps(offset));
  return _mm512_max_ps(_mm512_setzero_ps(), value);
}

// 16 channels of two pixels in pairs, the first pixel in the lower halves.
BIT_WIDE inline __m512i PairOf(Pixel a, Pixel b) {
  return InPairs(_mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a))),
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)), 1));
}

// 16 x 16 values of 32 bits turned round.
BIT_WIDE inline void Turn(__m512i v[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// Fetches what lies in pixels ahead, a line of 32 channels after the other: then the hardware sees that they are read
// in a row, and fetches further ahead than lines can be asked for.
class Ahead {
 public:
  // Lines of channels [first, first + n) of pixels from `pixels` on, up to `end`.
  Ahead(const Pixel* pixels, const Pixel* end, int64_t first, int64_t n)
      : pixels_(pixels), end_(end), first_(first), n_(n) {}
  void Next() {
    if (pixels_ >= end_) return;
    Prefetch(*pixels_ + first_ + line_);
    line_ += 32;
    if (line_ >= n_) line_ = 0, pixels_++;
  }

 private:
  const Pixel *pixels_, *end_;
  const int64_t first_, n_;
  int64_t line_ = 0;
};

// `pair`(q, c) makes the pair of pixels q and q + 1, channels [c, c + 16).
template <typename Pair>
BIT_WIDE BIT_INLINE void PackTurnedOf(const Pixel* pixels, int64_t count, int64_t first, int64_t n,
                                        uint16_t* to, int64_t pitch, const Pair& pair) {
  Ahead ahead(pixels + 32, pixels + count, first, n);
  for (int64_t q = 0; q < count; q += 32)
    for (int64_t c = 0; c < n; c += 16) {
      __m512i v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) {
        ahead.Next();
        v[i] = pair(q + 2 * i, first + c);
      }
      Turn(v);
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + (c + i) * pitch + q, v[i]);
    }
}

BIT_WIDE void PackTurned(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint16_t* to,
                           int64_t pitch) {
  PackTurnedOf(pixels, count, first, n, to, pitch, [&](int64_t q, int64_t c) BIT_WIDE {
    return PairOf(pixels[q] + c, pixels[q + 1] + c);
  });
}

BIT_WIDE void NormalizeTurned(const Pixel* pixels, const float* const* factors, int64_t channels,
                                int64_t count, int64_t first, int64_t n, uint16_t* to, int64_t pitch) {
  const auto normalized = [&](int64_t q, int64_t c) BIT_WIDE {
    return Normalized(Widen(pixels[q] + c), factors[q] + c, factors[q] + channels + c);
  };
  PackTurnedOf(pixels, count, first, n, to, pitch, [&](int64_t q, int64_t c) BIT_WIDE {
    return InPairs(Round(normalized(q, c), normalized(q + 1, c)));
  });
}

BIT_WIDE void PackPairs(const Pixel* pixels, int64_t count, int64_t first, int64_t n, uint32_t* to) {
  Ahead ahead(pixels + std::min(count, std::max<int64_t>(2, RoundUp(2048 / n, 2))), pixels + count, first, n);
  for (int64_t q = 0; q < count; q += 2)
    for (int64_t c = 0; c < n; c += 16) {
      ahead.Next();
      _mm512_storeu_si512(to + (c / 32 * (count / 2) + q / 2) * 32 + c % 32,
                          PairOf(pixels[q] + first + c, pixels[q + 1] + first + c));
    }
}

BIT_WIDE void PackKernel(const uint16_t* w, bool turned, int64_t in, int64_t columns, int64_t o,
                           uint32_t* to) {
  for (int64_t k = 0; k < in; k += 32, to += 16 * 32)
    for (int64_t half = 0; half < 32; half += 16) {
      __m512i v[16];
      if (k + 32 < in)
        for (int64_t i = 0; i < 16; i++)
          Prefetch(turned ? w + (o + half + i) * in + k + 32
                          : w + (k + 32 + 2 * i + half / 16) * columns + o);
      if (turned) {  // pairs lie side by side
        for (int64_t i = 0; i < 16; i++) v[i] = _mm512_loadu_si512(w + (o + half + i) * in + k);
        Turn(v);
      } else {
        for (int64_t i = 0; i < 16; i++) {
          const uint16_t* row = w + (k + 2 * i) * columns + o + half;
          v[i] = PairOf(row, row + columns);
        }
      }
      for (int64_t i = 0; i < 16; i++) _mm512_storeu_si512(to + i * 32 + half, v[i]);
    }
}

BIT_WIDE void PackTurnedKernel(const uint32_t* from, int64_t pitch, int64_t in, uint32_t* to) {
  // Channels of two filters in pairs: those of the first half of the channels, and of the second.
  const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6,
                                         37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i second = _mm512_or_si512(first, _mm512_set1_epi16(16));
  for (int64_t k = 0; k < in; k += 32, from += pitch, to += 16 * 32) {
    if (k + 32 < in) FetchAhead(from + pitch, 16 * 32);
    for (int64_t half = 0; half < 32; half += 16) {
      __m512i v[16];  // pairs of channels of 16 filters, then filters of 32 channels
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; i++) v[i] = _mm512_loadu_si512(from + i * 32 + half);
      Turn(v);
#pragma GCC unroll 8
      for (int64_t i = 0; i < 16; i += 2) {
        uint32_t* pairs = to + (half + i) / 2 * 32;
        _mm512_storeu_si512(pairs, _mm512_permutex2var_epi16(v[i], first, v[i + 1]));
        _mm512_storeu_si512(pairs + 16, _mm512_permutex2var_epi16(v[i], second, v[i + 1]));
      }
    }
  }
}

BIT_WIDE void Normalize(const Pixel* pixels, int64_t count, int64_t n, Pixel zeros,
                          const Normalization& by, uint16_t* to) {
  const int64_t ahead = std::max<int64_t>(1, 2048 / n);
  for (int64_t q = 0; q < count; q++, to += n) {
    const Pixel next = pixels[q + ahead < count ? q + ahead : q];
    for (int64_t c = 0; c < n; c += 32) Prefetch(next + c);
    if (pixels[q] == zeros) {
      for (int64_t c = 0; c < n; c += 32) _mm512_storeu_si512(to + c, _mm512_setzero_si512());
      continue;
    }
    for (int64_t c = 0; c < n; c += 32) {
      const __m512i both = _mm512_loadu_si512(pixels[q] + c);
      const float *scale = by.scale + c, *offset = by.offset + c;
      _mm512_storeu_si512(to + c, Round(Normalized(WidenLow(both), scale, offset),
                                        Normalized(WidenHigh(both), scale + 16, offset + 16)));
    }
  }
}

// Moments of a segment, from `at` on, while they are in registers.
struct Moments {
  __m512 sums[2], squares[2];
  float* at;
};

BIT_WIDE inline void Store(const Moments& m, int64_t channels) {
  if (m.at == nullptr) return;
  for (int i = 0; i < 2; i++) {
    _mm512_storeu_ps(m.at + 16 * i, m.sums[i]);
    _mm512_storeu_ps(m.at + channels + 16 * i, m.squares[i]);
  }
}

BIT_WIDE inline void Load(float* at, int64_t channels, Moments* m) {
  m->at = at;
  for (int i = 0; i < 2; i++) {
    m->sums[i] = _mm512_loadu_ps(at + 16 * i);
    m->squares[i] = _mm512_loadu_ps(at + channels + 16 * i);
  }
}

BIT_WIDE inline void Add(__m512 value, int i, Moments* m) {
  m->sums[i] = _mm512_add_ps(m->sums[i], value);
  m->squares[i] = _mm512_fmadd_ps(value, value, m->squares[i]);
}

BIT_WIDE void Finish(const float* sums, const SumsPlace* to, int64_t column,
                       const SumsResult& result) {
  Moments moments = {};
  for (int r = 0; r < 32; r++, sums += 32) {
    if (to[r].pixel < 0) continue;
    const int64_t at = to[r].pixel * result.channels + column;
    __m512 low = _mm512_loadu_ps(sums), high = _mm512_loadu_ps(sums + 16);
    if (result.plus != nullptr) {
      low = _mm512_add_ps(low, Widen(result.plus + at));
      high = _mm512_add_ps(high, Widen(result.plus + at + 16));
    }
    const __m512i both = Round(low, high);
    _mm512_storeu_si512(result.y + at, both);
    if (result.moments == nullptr) continue;
    float* segment = result.moments + to[r].segment * 2 * result.channels + column;
    if (segment != moments.at) {
      Store(moments, result.channels);
      Load(segment, result.channels, &moments);
    }
    Add(WidenLow(both), 0, &moments);
    Add(WidenHigh(both), 1, &moments);
  }
  Store(moments, result.channels);
}

}  // namespace

const TileLoops kWideLoops = {PackTurned, NormalizeTurned, PackPairs, PackKernel, PackTurnedKernel, Normalize, Finish};

}  // namespace bit
#endif
