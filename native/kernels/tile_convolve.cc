// y[pixel, o] = sum over the places of the kernel and c of what the pixel meets there times w[place, c, o],
// forward and turned round.
//
// A task has a chunk of the list of pixels and a group of output channels. Its pixels lie side by side in
// scratch memory, or where they lie in the images where a 1x1 convolution reads them as they are; its part
// of the kernel lies in panels of 32 output channels. Both stay in the second cache, which decides all.
#include <atomic>

#include "parallel.h"
#include "scratch.h"
#include "tile_convolution.h"
#include "tile_loops.h"
#include "tile_moments.h"
#include "tile_products.h"

namespace bit {
namespace {

// What stays in the second cache at a time.
constexpr int64_t kPixelBytes = 512 << 10, kKernelBytes = 640 << 10, kSmallKernel = 256 << 10;
// Tasks that there shall be at least.
constexpr int64_t kTasks = 8;

// How the work is shared out: rows of the list in chunks, output channels in groups. No sum depends on it.
struct Shares {
  int64_t group, groups, chunks;

  // Segments of moments are not divided.
  Shares(const PixelList& p, int64_t most_taps, bool direct, const MomentSegments* segments) {
    const int64_t rows = p.all_rows(), tasks = std::max<int64_t>(kTasks, 2 * Parallelism());
    group = std::clamp<int64_t>(kKernelBytes / (most_taps * p.in * 2) / 32 * 32, 32, p.out);
    chunk = std::clamp<int64_t>(kPixelBytes / (p.phases() * p.pitch * p.in * 2), 1, rows);
    if (chunk > p.rows) chunk = chunk / p.rows * p.rows;
    const auto few = [&] { return CeilDiv(rows, chunk) * CeilDiv(p.out, group) < tasks; };
    while (few() && group > 64) group = RoundUp(group / 2, 32);
    // Many threads: small chunks too, but of a few tiles at least.
    while (Parallelism() > kTasks / 2 && few() && chunk * p.pitch > 128 && chunk > 1) chunk /= 2;
    // Where they lie, pixels are taken by whole tiles.
    if (direct) chunk = RoundUp(chunk * p.pitch, 32) / p.pitch;
    while (direct && chunk * p.pitch % 32 != 0) chunk++;
    span = rows;
    if (segments != nullptr && chunk < p.rows) {
      chunk = std::min(RoundUp(chunk, segments->rows), p.rows);
      span = p.rows;
    } else if (segments != nullptr) {
      chunk = RoundUp(chunk, p.rows);
    }
    in_span = CeilDiv(span, chunk);
    chunks = rows / span * in_span, groups = CeilDiv(p.out, group);
  }

  int64_t begin(int64_t i) const { return i / in_span * span + i % in_span * chunk; }
  int64_t end(int64_t i) const { return std::min(begin(i) + chunk, (i / in_span + 1) * span); }

 private:
  // What is divided, the whole list or each image's rows, and into how many chunks.
  int64_t span, in_span, chunk;
};

// Where the sums of rows [begin, end) go, and of what lies behind them.
void FindPlaces(const PixelList& p, const ListPart& part, const MomentSegments& segments, int64_t begin,
                int64_t end, std::vector<SumsPlace>* to) {
  std::fill(to->begin(), to->end(), SumsPlace{-1, 0});
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / p.rows, i = row % p.rows;
    if (i >= part.height) continue;
    const int64_t segment = segments.at(image, i);
    int64_t pixel = (image * p.out_height + part.first_y + i * p.spacing) * p.out_width + part.first_x;
    SumsPlace* place = to->data() + (row - begin) * p.pitch;
    for (int64_t j = 0; j < part.width; j++, pixel += p.spacing) *place++ = {pixel, segment};
  }
}

// Whose pixels a thread's memory has.
struct PackedChunk {
  int64_t call = 0, chunk = 0;
  bool operator==(const PackedChunk& other) const { return call == other.call && chunk == other.chunk; }
};

}  // namespace

template <typename T>
void TileConvolve(const ConvShape& s, bool turned, const uint16_t* x, const TileKernel& w,
                  const TileExtras& extras, uint16_t* y) {
  const PixelList p = turned ? PixelList::OfGradient(s) : PixelList::OfImages(s);
  const TileLoops& loops = LoopsFor<T>();
  const int64_t all_rows = p.all_rows();
  size_t most_taps = 0;
  for (const ListPart& part : p.parts) most_taps = std::max(most_taps, part.taps.size());
  const bool sums_up = extras.moments != nullptr;
  // Tiles are read where they lie only as long as they end where the images do.
  const bool whole = (sums_up ? p.rows : all_rows) * p.pitch % 32 == 0;
  const bool direct = p.plain() && whole && extras.factors == nullptr;
  const MomentSegments segments(p.rows, p.out_width);
  const Shares shares(p, static_cast<int64_t>(most_taps), direct, sums_up ? &segments : nullptr);
  static thread_local Scratch moment_memory;
  const int64_t moments = p.images * segments.count * 2 * p.out;
  const SumsResult result = {extras.plus, y, sums_up ? moment_memory.Room<float>(moments) : nullptr,
                             p.out};
  const ImageFactors factors = {extras.factors, p.images, p.rows * p.pitch, p.in};
  const std::vector<uint16_t> nothing(p.in);
  const Pixel zeros = nothing.data();
  static std::atomic<int64_t> calls{0};
  const int64_t call = ++calls;
  ParallelFor(shares.chunks * shares.groups, [&](int64_t task) {
    static thread_local Scratch pixel_memory, kernel_memory;
    const int64_t begin = shares.begin(task / shares.groups), end = shares.end(task / shares.groups);
    const int64_t first = task % shares.groups * shares.group, n = std::min(shares.group, p.out - first);
    const int64_t count = RoundUp((end - begin) * p.pitch, 32), all = count + p.reach();
    const uint16_t* pixels = x + begin * p.pitch * p.in;
    // A thread's tasks of a chunk come one after the other: it packs their pixels once.
    static thread_local PackedChunk packed_chunk;
    const PackedChunk this_chunk = {call, task / shares.groups};
    uint16_t* room = direct ? nullptr : pixel_memory.Room<uint16_t>(p.phases() * all * p.in);
    if (!direct) pixels = room;
    if (!direct && !(packed_chunk == this_chunk)) {
      packed_chunk = this_chunk;
      std::vector<Pixel> list(all);
      for (int64_t phase = 0; phase < p.phases(); phase++) {
        p.Find(x, phase, begin, end, all - (end - begin) * p.pitch, zeros, list.data());
        uint16_t* to = room + phase * all * p.in;
        if (extras.factors == nullptr)
          PackPixels(list.data(), all, p.in, to);
        else
          PackNormalized(loops, factors, list.data(), begin * p.pitch, all, zeros, to);
      }
    }
    if (sums_up) {
      const int64_t last = end - 1;
      const int64_t first_segment = segments.at(begin / p.rows, begin % p.rows);
      const int64_t last_segment = segments.at(last / p.rows, last % p.rows);
      for (int64_t i = 2 * first_segment; i < 2 * last_segment + 2; i++)  // sums and squares
        std::fill_n(result.moments + i * p.out + first, n, 0.0f);
    }
    const typename T::Session session;
    alignas(64) float sums[32 * 32];
    std::vector<SumsPlace> to(count);
    std::vector<const uint16_t*> from(most_taps);
    for (const ListPart& part : p.parts) {
      const int64_t taps = static_cast<int64_t>(part.taps.size()), panel_pairs = taps * p.in / 2 * 32;
      const uint32_t* kernel = w.packed + first / 32 * panel_pairs;
      if (w.packed == nullptr || turned) {
        uint32_t* panel = kernel_memory.Room<uint32_t>(panel_pairs * n / 32);
        kernel = panel;
        for (int64_t o = first; o < first + n; o += 32)
          for (const Tap& tap : part.taps) {
            if (w.packed == nullptr)
              loops.kernel(w.plain + tap.kernel * p.in * p.out, turned, p.in, p.out, o, panel);
            else
              loops.turned_kernel(w.packed + (tap.kernel * p.out + o) / 2 * 32, s.kh * s.kw * p.out / 2 * 32,
                                  p.in, panel);
            panel += p.in / 2 * 32;
          }
      }
      FindPlaces(p, part, segments, begin, end, &to);
      const auto block = [&](int64_t q, int64_t o) {
        for (int64_t i = 0; i < taps; i++)
          from[i] = pixels + (part.taps[i].phase * all + q + p.offset(part.taps[i])) * p.in;
        MultiplyByTiles<T>(from.data(), taps, p.in / 32, p.in * 2, kernel + o / 32 * panel_pairs, sums,
                           128, false);
        loops.finish(sums, &to[q], first + o, result);
      };
      // A small kernel stays in the cache as a whole: then a pixel's channels are written in one go.
      if (2 * taps * p.in * n <= kSmallKernel) {
        for (int64_t q = 0; q < count; q += 32)
          for (int64_t o = 0; o < n; o += 32) block(q, o);
      } else {
        for (int64_t o = 0; o < n; o += 32)
          for (int64_t q = 0; q < count; q += 32) block(q, o);
      }
    }
  });
  if (sums_up) JoinSegments(segments, p.images, p.out, result.moments, extras.moments);
}

#ifdef BIT_HAS_AMX
template void TileConvolve<AmxTiles>(const ConvShape&, bool, const uint16_t*, const TileKernel&,
                                     const TileExtras&, uint16_t*);
#endif
template void TileConvolve<PlainTiles>(const ConvShape&, bool, const uint16_t*, const TileKernel&,
                                       const TileExtras&, uint16_t*);

}  // namespace bit
