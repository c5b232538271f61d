// Resizes images as Pillow does, makes nothing but the crop's window, and mirrors it on the way.
//
// The algorithm is that of Pillow's Image.resize(size, BILINEAR) for 8-bit images: a triangle of half
// width max(scale, 1) around each place's center; weights normalized in float64, then rounded to 22
// bits; along rows first, rounded to bytes, then along columns. Source: Pillow's documentation of
// "BILINEAR", and images compared with it (test/fixtures/resize).
#include "resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "numeric.h"

namespace bit {
namespace {

constexpr int kPrecision = 22;
constexpr int32_t kOne = 1 << kPrecision;
constexpr int32_t kHalf = 1 << (kPrecision - 1);
// A row lies in memory that goes on for at least as many bytes: more than a pixel is read and written
// at once.
constexpr int64_t kPadding = 64;

// Weights are not negative, so no sum is; rounding may bring one past 255.
BIT_INLINE uint8_t Level(int32_t sum) {
  return static_cast<uint8_t>(std::min(sum >> kPrecision, 255));
}

// `size` places of the resized row: `at`, at + step and so on.
void ResizeRow(const uint8_t* row, const Axis& axis, int64_t at, int64_t step, int64_t size,
               uint8_t* made) {
  const int64_t taps = axis.taps;
  for (int64_t x = 0; x < size; x++, at += step, made += 3) {
    const uint8_t* pixel = row + 3 * axis.first[at];
    const int32_t* weight = &axis.weights[at * taps];
    int32_t r = kHalf, g = kHalf, b = kHalf;
    for (int64_t t = 0; t < taps; t++, pixel += 3) {
      r += pixel[0] * weight[t];
      g += pixel[1] * weight[t];
      b += pixel[2] * weight[t];
    }
    made[0] = Level(r);
    made[1] = Level(g);
    made[2] = Level(b);
  }
}

#if defined(__x86_64__)
// The same with two taps in each half of a register. Weights are split, for products of 16 bits, into
// kLow lower bits and the rest.
constexpr int kLow = 11;
constexpr int64_t kHalfTaps = 2, kHalfWeights = 8;

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

// Where two taps are enough a register serves two places, else four taps of one.
int64_t Halves(const Axis& axis) { return axis.taps <= kHalfTaps ? 1 : 2; }

int64_t Groups(const Axis& axis) {
  const int64_t taps = kHalfTaps * Halves(axis);
  return (axis.taps + taps - 1) / taps;
}

// int16 [places, groups, upper or lower, halves, kHalfWeights]: the last are four times two taps.
std::vector<int16_t> GroupWeights(const Axis& axis) {
  const int64_t places = axis.first.size(), halves = Halves(axis), groups = Groups(axis);
  std::vector<int16_t> grouped(places * groups * 2 * halves * kHalfWeights);
  int16_t* to = grouped.data();
  for (int64_t i = 0; i < places; i++) {
    for (int64_t t = 0; t < groups * halves * kHalfTaps; t += halves * kHalfTaps) {
      for (const bool upper : {true, false}) {
        for (int64_t k = 0; k < halves * kHalfWeights; k++, to++) {
          const int64_t tap = t + k / kHalfWeights * kHalfTaps + k % kHalfTaps;
          if (tap >= axis.taps) continue;
          const int32_t weight = axis.weights[i * axis.taps + tap];
          *to = static_cast<int16_t>(upper ? weight >> kLow : weight & ((1 << kLow) - 1));
        }
      }
    }
  }
  return grouped;
}

#define BIT_AVX2 __attribute__((target("avx2"))) inline

// Four sums in each half to bytes, at its beginning.
BIT_AVX2 __m256i Levels(__m256i sums) {
  const __m256i rounded = _mm256_add_epi32(sums, _mm256_set1_epi32(kHalf));
  const __m256i levels = _mm256_srai_epi32(rounded, kPrecision);
  const __m256i words = _mm256_packs_epi32(levels, levels);
  return _mm256_packus_epi16(words, words);
}

BIT_AVX2 __m256i Joined(__m256i upper, __m256i lower) {
  return _mm256_add_epi32(_mm256_slli_epi32(upper, kLow), lower);
}

BIT_AVX2 void StorePixel(__m128i levels, uint8_t* made) {
  const int32_t packed = _mm_cvtsi128_si32(levels);
  std::memcpy(made, &packed, sizeof packed);
}

BIT_AVX2 __m256i LoadHalves(const __m128i* first, const __m128i* second) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(first)),
                                 _mm_loadu_si128(second), 1);
}

// Up to two taps.
__attribute__((target("avx2"))) void ResizeRowByPairs(const uint8_t* row, const Axis& axis,
                                                      const int16_t* grouped, int64_t at,
                                                      int64_t step, int64_t size, uint8_t* made) {
  const int64_t* first = axis.first.data();
  const auto weights = reinterpret_cast<const __m128i*>(grouped);
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
                                         0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  for (int64_t x = 0; x < size; x += 2, at += 2 * step, made += 6) {
    const int64_t next = x + 1 < size ? at + step : at;
    const __m256i bytes = LoadHalves(reinterpret_cast<const __m128i*>(row + 3 * first[at]),
                                     reinterpret_cast<const __m128i*>(row + 3 * first[next]));
    const __m256i taps = _mm256_shuffle_epi8(bytes, order);
    const __m128i *weight = weights + 2 * at, *next_weight = weights + 2 * next;
    const __m256i upper = _mm256_madd_epi16(taps, LoadHalves(weight, next_weight));
    const __m256i lower = _mm256_madd_epi16(taps, LoadHalves(weight + 1, next_weight + 1));
    const __m256i levels = Levels(Joined(upper, lower));
    StorePixel(_mm256_castsi256_si128(levels), made);
    StorePixel(_mm256_extracti128_si256(levels, 1), made + 3);
  }
}

// Any number of taps.
__attribute__((target("avx2"))) void ResizeRowByFours(const uint8_t* row, const Axis& axis,
                                                      const int16_t* grouped, int64_t at,
                                                      int64_t step, int64_t size, uint8_t* made) {
  const int64_t groups = Groups(axis);
  const int64_t* first = axis.first.data();
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
                                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const auto weights = reinterpret_cast<const __m256i*>(grouped);
  for (int64_t x = 0; x < size; x++, at += step, made += 3) {
    const uint8_t* pixel = row + 3 * first[at];
    const __m256i* weight = weights + at * groups * 2;
    __m256i upper = _mm256_setzero_si256(), lower = upper;
    for (int64_t t = 0; t < groups; t++, pixel += 12, weight += 2) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixel));
      const __m256i taps = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
      upper = _mm256_add_epi32(upper, _mm256_madd_epi16(taps, _mm256_loadu_si256(weight)));
      lower = _mm256_add_epi32(lower, _mm256_madd_epi16(taps, _mm256_loadu_si256(weight + 1)));
    }
    const __m256i both = Joined(upper, lower);
    const __m256i other = _mm256_permute2x128_si256(both, both, 1);
    StorePixel(_mm256_castsi256_si128(Levels(_mm256_add_epi32(both, other))), made);
  }
}
#endif

// One row of the result: the sum of `taps` rows of n bytes.
BIT_FOR_EACH_PROCESSOR void SumRows(const uint8_t* const* rows, const int32_t* weights,
                                    int64_t taps, int64_t n, uint8_t* made) {
  if (taps == 2) {
    const uint8_t *a = rows[0], *b = rows[1];
    const int32_t u = weights[0], v = weights[1];
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) made[i] = Level(a[i] * u + b[i] * v + kHalf);
    return;
  }
  constexpr int64_t kBlock = 512;
  int32_t sums[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    std::fill(sums, sums + size, kHalf);
    int64_t t = 0;
    for (; t + 3 <= taps; t += 3) {
      const uint8_t *a = rows[t] + begin, *b = rows[t + 1] + begin, *c = rows[t + 2] + begin;
      const int32_t u = weights[t], v = weights[t + 1], w = weights[t + 2];
#pragma GCC ivdep
      for (int64_t i = 0; i < size; i++) sums[i] += a[i] * u + b[i] * v + c[i] * w;
    }
    for (; t < taps; t++) {
      const uint8_t* a = rows[t] + begin;
      const int32_t u = weights[t];
#pragma GCC ivdep
      for (int64_t i = 0; i < size; i++) sums[i] += a[i] * u;
    }
#pragma GCC ivdep
    for (int64_t i = 0; i < size; i++) made[begin + i] = Level(sums[i]);
  }
}

// Copies n pixels from right to left. Three bytes more than they have may be read and written.
void CopyMirrored(const uint8_t* row, int64_t n, uint8_t* made) {
  for (int64_t x = 0; x < n; x++) std::memcpy(made + 3 * x, row + 3 * (n - 1 - x), 4);
}

}  // namespace

Axis::Axis(int64_t from, int64_t to) : same(from == to), taps(1), first(to) {
  if (same) {
    for (int64_t i = 0; i < to; i++) first[i] = i;
    return;
  }
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0), inverse = 1.0 / support;
  const auto center = [&](int64_t i) { return (static_cast<double>(i) + 0.5) * scale; };
  const auto low = [&](int64_t i) {
    return std::max<int64_t>(0, static_cast<int64_t>(center(i) - support + 0.5));
  };
  const auto high = [&](int64_t i) {
    return std::min<int64_t>(from, static_cast<int64_t>(center(i) + support + 0.5));
  };
  for (int64_t i = 0; i < to; i++) taps = std::max(taps, high(i) - low(i));
  weights.assign(to * taps, 0);
  std::vector<double> shares(taps);
  for (int64_t i = 0; i < to; i++) {
    const int64_t begin = low(i), count = high(i) - begin;
    double total = 0;
    for (int64_t k = 0; k < count; k++) {
      const double distance =
          std::abs((static_cast<double>(k + begin) - center(i) + 0.5) * inverse);
      shares[k] = distance < 1 ? 1 - distance : 0;
      total += shares[k];
    }
    // At the edges fewer taps would do; all places have as many, some of them of weight zero.
    first[i] = std::min(begin, from - taps);
    int32_t* weight = &weights[i * taps + begin - first[i]];
    for (int64_t k = 0; k < count; k++)
      weight[k] = static_cast<int32_t>(0.5 + shares[k] / total * kOne);
  }
}

Resize::Resize(int64_t height, int64_t width, int64_t side, int64_t crop)
    : height_(height),
      width_(width),
      crop_(crop),
      down_(height, side),
      across_(width, side),
      stride_(3 * crop + kPadding),
      last_(3 * width + kPadding),
      rows_(down_.taps * stride_),
      at_(down_.taps),
      in_order_(down_.taps) {
#if defined(__x86_64__)
  if (!across_.same && HasAvx2()) grouped_ = GroupWeights(across_);
#endif
}

const uint8_t* Resize::Row(const uint8_t* image, int64_t y, Window window, uint8_t* made) {
  const uint8_t* row = image + y * width_ * 3;
  if (across_.same && !window.flip) return row + 3 * window.left;
  if ((height_ - 1 - y) * width_ * 3 < kPadding) {
    std::memcpy(last_.data(), row, width_ * 3);
    row = last_.data();
  }
  const int64_t at = window.flip ? window.left + crop_ - 1 : window.left;
  const int64_t step = window.flip ? -1 : 1;
  if (across_.same)
    CopyMirrored(row + 3 * window.left, crop_, made);
#if defined(__x86_64__)
  else if (!grouped_.empty())
    (Halves(across_) == 1 ? ResizeRowByPairs : ResizeRowByFours)(row, across_, grouped_.data(), at,
                                                                 step, crop_, made);
#endif
  else
    ResizeRow(row, across_, at, step, crop_, made);
  return made;
}

void Resize::Run(const uint8_t* image, Window window, uint8_t* result) {
  const int64_t taps = down_.taps, bytes = 3 * crop_;
  int64_t next = 0;  // Rows of the image before this one have been resized, or are not needed.
  for (int64_t y = window.top; y < window.top + crop_; y++, result += bytes) {
    const int64_t begin = down_.first[y], end = begin + taps;
    for (next = std::max(next, begin); next < end; next++)
      at_[next % taps] = Row(image, next, window, &rows_[next % taps * stride_]);
    if (down_.same) {
      std::memcpy(result, at_[0], bytes);
      continue;
    }
    for (int64_t t = 0; t < taps; t++) in_order_[t] = at_[(begin + t) % taps];
    SumRows(in_order_.data(), &down_.weights[y * taps], taps, bytes, result);
  }
}

}  // namespace bit
