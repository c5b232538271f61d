// dw[ky, kx, c, o] = sum over images and places (y, x) of dy[n, y, x, o] times what it met at (ky, kx).
//
// x is packed as [channel, pixels], in pairs of pixels, so that a place of the kernel is a shift by some
// pixels: one copy serves all places. A task has a slice of the images' rows and some channels of either side, of
// which 768 KB are packed at a time: with its sums that stays in the second cache, which decides all. Where the
// convolution normalized x as it read it, so does its gradient.
// bench/NOTES.md has the figures.
#include <limits>

#include "tile_convolution.h"

#include "parallel.h"
#include "scratch.h"
#include "tile_loops.h"
#include "tile_products.h"

namespace bit {
namespace {

// Channels of x that are packed at a time, read in a row, and of dy at most.
constexpr int64_t kChannels = 128, kMostOut = 512;
constexpr int64_t kPackedBytes = 768 << 10, kSliceBytes = 4 << 20, kSlices = 8;
// Tasks that there shall be at least.
constexpr int64_t kTasks = 8;

// How the work is shared out: a task has a slice of the rows and ranges of either side's channels.
struct Shares {
  int64_t slices, outs, out_group, ins, in_group;

  // Slices of rows have sums of their own, where these are small. How many, and how many output channels are packed at
  // a time, depends on the shape alone, and so does the order of a value's summands; how many input channels a
  // task has may depend on the threads.
  Shares(const ConvShape& s, int64_t rows) {
    const int64_t size_bytes = 4 * s.kh * s.kw * s.c * s.o;
    slices = std::clamp<int64_t>(kSliceBytes / size_bytes, 1, std::min(kSlices, rows));
    out_group = OutGroup(s, CeilDiv(kTasks, slices));
    outs = CeilDiv(s.o, out_group);
    const int64_t tasks = std::max<int64_t>(kTasks, 2 * Parallelism());
    in_group = RoundUp(CeilDiv(s.c, CeilDiv(tasks, slices * outs)), 32);
    ins = CeilDiv(s.c, in_group);
  }

 private:
  // Each range of output channels has all of x packed once more, and each of input channels dy, which takes half
  // the time: it is not normalized.
  static int64_t OutGroup(const ConvShape& s, int64_t tasks) {
    int64_t best = s.o, least = std::numeric_limits<int64_t>::max();
    for (int64_t outs = 1; outs <= tasks || outs < 2 * CeilDiv(s.o, kMostOut); outs *= 2) {
      const int64_t group = RoundUp(CeilDiv(s.o, outs), 32);
      if (group > kMostOut || (group < 64 && outs > 1)) continue;
      const int64_t cost = 2 * outs * s.c + CeilDiv(tasks, outs) * s.o;
      if (cost < least) least = cost, best = group;
    }
    return best;
  }
};

}  // namespace

template <typename T>
void TileFilterGrad(const ConvShape& s, const uint16_t* x, const float* factors, const uint16_t* dy,
                    float* dw) {
  const PixelList read = PixelList::OfImages(s), result = PixelList::OfResult(s);
  const TileLoops& loops = LoopsFor<T>();
  const int64_t all_rows = read.all_rows(), phases = read.phases();
  const int64_t size = s.kh * s.kw * s.c * s.o;
  if (all_rows * s.oh * s.ow == 0) {
    std::fill(dw, dw + size, 0.0f);
    return;
  }
  const Shares shares(s, all_rows);
  const int64_t block = std::min(s.c, std::max<int64_t>(32, kChannels / phases / 32 * 32));
  const int64_t row_bytes = 2 * read.pitch * (block * phases + shares.out_group);
  static thread_local Scratch slice_memory;
  float* slice_sums =
      shares.slices > 1 ? slice_memory.Room<float>((shares.slices - 1) * size) : nullptr;
  const ImageFactors by = {factors, read.images, read.rows * read.pitch, s.c};
  const std::vector<uint16_t> nothing(std::max(s.c, s.o));
  const std::vector<float> no_factors(2 * s.c);
  const Pixel zeros = nothing.data();
  ParallelFor(shares.slices * shares.outs * shares.ins, [&](int64_t task) {
    static thread_local Scratch turned_memory, pair_memory;
    const int64_t slice = task / shares.ins / shares.outs;
    const int64_t first = task / shares.ins % shares.outs * shares.out_group;
    const int64_t n = std::min(shares.out_group, s.o - first);
    const int64_t first_in = task % shares.ins * shares.in_group;
    const int64_t end_in = std::min(first_in + shares.in_group, s.c);
    const int64_t slice_begin = all_rows * slice / shares.slices;
    const int64_t slice_rows = all_rows * (slice + 1) / shares.slices - slice_begin;
    const int64_t parts =
        std::clamp<int64_t>(CeilDiv(slice_rows * row_bytes, kPackedBytes), 1, slice_rows);
    float* sums = slice == 0 ? dw : slice_sums + (slice - 1) * size;
    for (int64_t part = 0; part < parts; part++) {
      const int64_t begin = slice_begin + slice_rows * part / parts;
      const int64_t end = slice_begin + slice_rows * (part + 1) / parts;
      const int64_t count = RoundUp((end - begin) * read.pitch, 32);
      const int64_t more = RoundUp(read.reach(), 32), all = count + more;
      // An odd number of cache lines from channel to channel: sixteen of them fall in different sets.
      const int64_t pitch = RoundUp(all, 64) + 32;
      // Rows and what lies behind them, of all phases, and those of dy.
      std::vector<Pixel> pixels(phases * all), dy_pixels(count, zeros);
      for (int64_t phase = 0; phase < phases; phase++)
        read.Find(x, phase, begin, end, all - (end - begin) * read.pitch, zeros,
                  &pixels[phase * all]);
      result.Find(dy, 0, begin, end, 0, zeros, dy_pixels.data());
      uint16_t* turned = turned_memory.Room<uint16_t>(phases * block * pitch);
      uint32_t* pairs = pair_memory.Room<uint32_t>(count / 2 * n);
      loops.pairs(dy_pixels.data(), count, first, n, pairs);
      std::vector<const float*> found_factors(factors == nullptr ? 0 : phases * all);
      if (factors != nullptr)
        for (int64_t phase = 0; phase < phases; phase++)
          FindFactors(by, &pixels[phase * all], begin * read.pitch, all, zeros, no_factors.data(),
                      &found_factors[phase * all]);
      const typename T::Session session;
      for (int64_t c = first_in; c < end_in; c += block) {
        const int64_t channels = std::min(block, end_in - c);
        for (int64_t phase = 0; phase < phases; phase++) {
          const int64_t found = phase * all;
          uint16_t* to = turned + phase * block * pitch;
          if (factors == nullptr)
            loops.turned(&pixels[found], all, c, channels, to, pitch);
          else
            loops.normalized_turned(&pixels[found], &found_factors[found], s.c, all, c, channels, to, pitch);
        }
        for (int64_t i = 0; i < channels; i += 32)
          for (int64_t o = 0; o < n; o += 32)
            for (const Tap& tap : read.parts[0].taps) {
              const uint16_t* a = turned + (tap.phase * block + i) * pitch + read.offset(tap);
              float* to = sums + (tap.kernel * s.c + c + i) * s.o + first + o;
              MultiplyByTiles<T>(&a, 1, count / 32, pitch * 2, pairs + o * count / 2, to, s.o * 4, part > 0);
            }
      }
    }
  });
  if (shares.slices == 1) return;
  constexpr int64_t kRange = 1 << 14;
  ParallelFor(CeilDiv(size, kRange), [&](int64_t range) {
    const int64_t begin = range * kRange, end = std::min(begin + kRange, size);
    for (int64_t slice = 1; slice < shares.slices; slice++)
      for (int64_t i = begin; i < end; i++) dw[i] += slice_sums[(slice - 1) * size + i];
  });
}

#ifdef BIT_HAS_AMX
template void TileFilterGrad<AmxTiles>(const ConvShape&, const uint16_t*, const float*,
                                       const uint16_t*, float*);
#endif
template void TileFilterGrad<PlainTiles>(const ConvShape&, const uint16_t*, const float*,
                                         const uint16_t*, float*);

}  // namespace bit
