// Some pixels at a time are multiplied with panels of the kernel from where they lie; only the kernel is packed first.
//
// A task has a block of pixels and a group of panels. What a block meets stays in the second cache while it meets one
// panel after the other, and so does a panel beside it.
#include "vector_convolve.h"

#if defined(__linux__)
#include <unistd.h>
#endif

#include <algorithm>
#include <vector>

#include "conv_parts.h"
#include "normalize_pixels.h"
#include "pack_pairs.h"
#include "parallel.h"
#include "scratch.h"

namespace bit {
namespace {

// The second cache of a core, or a usual one's size where the system does not tell.
int64_t SecondCacheBytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return 512 << 10;
}

// Whether a kernel stays in the second cache as a whole, beside a block of pixels.
bool IsSmall(int64_t kernel_bytes) { return kernel_bytes <= SecondCacheBytes() / 2; }

// Pixels of a block, which meet `bytes` each: of float32 as many as stay in the second cache beside a panel, but some
// tiles at least, since a panel may come from the last cache.
template <typename T>
int64_t BlockOf(int64_t tile, int64_t bytes, int64_t kernel_bytes) {
  constexpr int64_t kLeastTiles = 4, kFewBytes = 128 << 10;
  const int64_t most = SecondCacheBytes() / 4, all = IsSmall(kernel_bytes) ? std::min(kFewBytes, most) : most;
  return std::max(kLeastTiles, all / (tile * bytes)) * tile;
}
template <>
int64_t BlockOf<bfloat16>(int64_t, int64_t, int64_t) {
  return 128;
}

template <typename T>
class Convolution {
 public:
  Convolution(const ConvShape& s, bool turned) : g_(s, turned), turned_(turned) {}

  const std::vector<Part>& parts() const { return g_.parts; }

  // w [places, in, out], turned [places, out, in], to a part's panels of [places, depth, columns], of which the
  // last may be 16 wide.
  void Pack(const Part& part, const T* w, uint32_t* to) const {
    const int64_t places = part.places.size();
    // Forward some rows of all panels after the other, turned round a panel: as they lie in memory.
    const int64_t step = turned_ ? columns_ : kPackedRows, groups = CeilDiv(turned_ ? g_.out : g_.in, step);
    ParallelFor(places * groups, [&](int64_t task) {
      const int64_t place = task / groups, first = task % groups * step;
      const T* from = w + part.places[place].kernel * g_.in * g_.out;
      const auto packed = [&](int64_t panel, int64_t row) {
        return to + PanelAt(part, panel) + (place * g_.depth() + row / Packing<T>::kTogether) * Columns(panel);
      };
      if (turned_) {
        const int64_t panel = first / columns_;
        PackChannels(from + first * g_.in, g_.in, g_.depth(), Columns(panel), packed(panel, 0));
        return;
      }
      const int64_t rows = std::min(step, g_.in - first);
      for (int64_t panel = 0; panel < panels(); panel++)
        PackRow(Row<T>{from + first * g_.out, rows, g_.out, 0, 1, rows}, panel * columns_, Columns(panel),
                packed(panel, first));
    });
  }

  void Multiply(const Part& part, const T* x, const uint32_t* packed, const VectorExtras<T>& extras, T* y) const {
    const int64_t pixels = g_.images * part.height * part.width;
    const int64_t places = std::max<int64_t>(1, part.places.size());
    const int64_t block = BlockOf<T>(tile_, places * g_.in * sizeof(T), KernelBytes(part));
    const int64_t blocks = CeilDiv(pixels, block);
    if (blocks == 0) return;
    // Enough tasks for all threads to end together.
    const int64_t group = std::max<int64_t>(1, panels() / CeilDiv(16 * Parallelism(), blocks));
    const int64_t groups = CeilDiv(panels(), group);
    const ImageFactors by = {extras.factors, g_.images, g_.height * g_.width, g_.in};
    if (extras.factors != nullptr && groups > 1) {  // once for all of them
      SharedScratch room;
      return Multiply(part, NormalizeImages(by, x, &room), packed, {nullptr, extras.plus}, y);
    }
    const std::vector<T> zeros(g_.in);
    ParallelFor(blocks * groups, [&](int64_t task) {
      static thread_local Scratch normalized;
      const int64_t begin = task / groups * block, end = std::min(begin + block, pixels);
      const Pixels<T> read = extras.factors == nullptr ? Pixels<T>{x, 0}
                                                       : NormalizeMet(part, x, by, begin, end, &normalized);
      const int64_t first = task % groups * group, last = std::min(first + group, panels());
      MultiplyBlock(part, Found(part, read, begin, end, zeros.data()), packed, first, last, extras.plus, y);
    });
  }

 private:
  // Rows of a kernel [in, out] that are packed at a time: they stay in the second cache.
  static constexpr int64_t kPackedRows = 32;

  // Pixels in tiles: what they meet, [tiles, places, tile], and where they are in the result.
  struct Tiles {
    int64_t count;
    std::vector<const T*> from;
    std::vector<int64_t> result;
  };

  int64_t KernelBytes(const Part& part) const {
    return 4 * static_cast<int64_t>(part.places.size()) * g_.depth() * g_.out;
  }

  int64_t panels() const { return CeilDiv(g_.out, columns_); }

  int64_t Columns(int64_t panel) const { return std::min(columns_, g_.out - panel * columns_); }

  int64_t PanelAt(const Part& part, int64_t panel) const {
    return part.packed + panel * columns_ * static_cast<int64_t>(part.places.size()) * g_.depth();
  }

  // What pixels [begin, end) of a part meet, normalized: from the first one's first place to the last one's last.
  Pixels<T> NormalizeMet(const Part& part, const T* x, const ImageFactors& by, int64_t begin, int64_t end,
                         Scratch* scratch) const {
    const auto met = [&](int64_t pixel, const Place& place) {
      const int64_t n = pixel / part.width / part.height, i = pixel / part.width % part.height;
      const int64_t x_at = std::clamp<int64_t>(pixel % part.width * g_.step + place.x, 0, g_.width - 1);
      const int64_t at = (i * g_.step + place.y) * g_.width + x_at;
      return n * by.pixels + std::clamp<int64_t>(at, 0, by.pixels);
    };
    const int64_t first = met(begin, part.places.front()), last = met(end - 1, part.places.back());
    const int64_t behind = std::clamp(last + 1, first, by.images * by.pixels);
    return {NormalizePixels(by, x, first, behind, scratch), first};
  }

  Tiles Found(const Part& part, const Pixels<T>& read, int64_t begin, int64_t end, const T* zeros) const {
    const int64_t places = part.places.size(), count = CeilDiv(end - begin, tile_);
    Tiles tiles = {count, std::vector<const T*>(count * places * tile_), std::vector<int64_t>(count * tile_)};
    for (int64_t t = 0; t < count; t++)
      FindPixels(g_, part, read, begin + t * tile_, tile_, zeros, tiles.from.data() + t * places * tile_,
                 &tiles.result[t * tile_]);
    return tiles;
  }

  void MultiplyBlock(const Part& part, const Tiles& tiles, const uint32_t* packed, int64_t first, int64_t last,
                     const T* plus, T* y) const {
    // Where a kernel is small, a pixel's channels are written in one go.
    const int64_t at_once = IsSmall(KernelBytes(part)) ? 1 : tiles.count;
    for (int64_t tile = 0; tile < tiles.count; tile += at_once)
      for (int64_t panel = first; panel < last; panel++)
        for (int64_t t = tile; t < tile + at_once; t++) {
          // The first panel is met while the next tile comes from memory; the others find it in the cache.
          const int64_t next = panel == first ? std::min(t + 1, tiles.count - 1) : t;
          MultiplyTile(part, tiles, t, next, packed, panel, plus, y);
        }
  }

  // Channels of a panel, of the pixels of a tile; what tile `next` meets is fetched.
  void MultiplyTile(const Part& part, const Tiles& tiles, int64_t tile, int64_t next, const uint32_t* packed,
                    int64_t panel, const T* plus, T* y) const {
    const int64_t places = part.places.size();
    T nowhere[kPanelColumns] = {};  // takes what stands for pixels after the last
    T* to[kMostPixels];
    const T* added[kMostPixels];
    for (int64_t r = 0; r < tile_; r++) {
      const int64_t pixel = tiles.result[tile * tile_ + r], at = pixel * g_.out + panel * columns_;
      to[r] = pixel < 0 ? nowhere : y + at;
      added[r] = pixel < 0 || plus == nullptr ? nowhere : plus + at;
    }
    const T* const* from = tiles.from.data();
    products_.multiply({from + tile * places * tile_, from + next * places * tile_, places, g_.depth()},
                       packed + PanelAt(part, panel), Columns(panel), plus == nullptr ? nullptr : added, to);
  }

  const PixelProducts<T>& products_ = Packing<T>::Pixels();
  const int64_t tile_ = products_.pixels, columns_ = products_.columns;
  const Geometry<T> g_;
  const bool turned_;
};

}  // namespace

template <typename T>
void VectorConvolve(const ConvShape& s, bool turned, const T* x, const VectorKernel<T>& kernel,
                    const VectorExtras<T>& extras, T* y) {
  const Convolution<T> convolution(s, turned);
  if (kernel.packed != nullptr) return convolution.Multiply(convolution.parts()[0], x, kernel.packed, extras, y);
  SharedScratch scratch;
  uint32_t* packed = scratch.Room<uint32_t>(s.kh * s.kw * s.c * s.o / Packing<T>::kTogether);
  for (const Part& part : convolution.parts()) {
    convolution.Pack(part, kernel.plain, packed);
    convolution.Multiply(part, x, packed, extras, y);
  }
}

template <typename T>
void PackVectorKernel(const ConvShape& s, const T* w, uint32_t* to) {
  const Convolution<T> convolution(s, false);
  convolution.Pack(convolution.parts()[0], w, to);
}

template void VectorConvolve(const ConvShape&, bool, const float*, const VectorKernel<float>&,
                             const VectorExtras<float>&, float*);
template void VectorConvolve(const ConvShape&, bool, const bfloat16*, const VectorKernel<bfloat16>&,
                             const VectorExtras<bfloat16>&, bfloat16*);
template void PackVectorKernel(const ConvShape&, const bfloat16*, uint32_t*);

}  // namespace bit
