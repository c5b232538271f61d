// A convolution of bfloat16 images,
//   y[n, i, j, o] = sum over ky, kx, c of x[n, i * stride + ky - pad_top, j * stride + kx - pad_left, c]
//                   times w[ky, kx, c, o],
// and, turned round, its gradient by the images,
//   dx[n, i * stride + ky - pad_top, j * stride + kx - pad_left, c] = sum over ky, kx, o, wherever these
//                   meet, of dy[n, i, j, o] times w[ky, kx, c, o];
// and one more value for each of the result's where there is something to add.
//
// Where there are factors, x is max(0, x * scale + offset), by image and channel: a group normalization before
// the convolution. For one behind it there are, on tiles, the result's moments: its sums and sums of squares
// by image and channel.
//
// Eight pixels at a time are multiplied with panels of the kernel from where they lie; only the kernel
// is packed first, by the convolution itself or, where it is the same from run to run, by BitPackKernel.
// Where there are matrix tiles, these compute it (tile_convolve.cc), of kernels that are packed alike.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "conv_parts.h"
#include "normalize_pixels.h"
#include "pack_pairs.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"
#include "tile_convolution.h"

namespace bit {
namespace {

// Pixels that meet one panel of the kernel after the other: they stay in the second cache.
constexpr int64_t kBlock = 128;
// A kernel that stays in the second cache beside them.
constexpr int64_t kSmallKernelBytes = 256 << 10;

// w [places, in, out], turned [places, out, in], to each part's panels of [places, in / 2, 32], of which
// the last may be 16 wide.
void PackKernel(const Geometry& g, const Part& part, bool turned, const bfloat16* w, uint32_t* to) {
  const int64_t places = part.places.size();
  ParallelFor(g.panels() * places, [&](int64_t task) {
    const int64_t place = task % places, o = task / places * kPanelColumns;
    const int64_t n = std::min(kPanelColumns, g.out - o);
    const bfloat16* from = w + part.places[place].kernel * g.in * g.out;
    uint32_t* panel = to + part.packed + o * places * g.pairs() + place * g.pairs() * n;
    if (turned)
      PackChannels(from + o * g.in, g.in, g.pairs(), n, panel);
    else
      PackRow(Row<bfloat16>{from, g.in, g.out, 0, 1, g.in}, o, n, panel);
  });
}

// Channels of a panel, of the pixels at `result`.
void MultiplyTile(const Geometry& g, const Part& part, const bfloat16* const* from,
                  const int64_t* result, const uint32_t* packed, int64_t panel,
                  const bfloat16* plus, bfloat16* y) {
  static const PixelProducts products = FindBfloat16Products().pixels;
  const int64_t places = part.places.size(), o = panel * kPanelColumns;
  bfloat16 nowhere[kPanelColumns] = {};  // takes what stands for pixels after the last
  bfloat16* to[kPixels];
  const bfloat16* added[kPixels];
  for (int64_t r = 0; r < kPixels; r++) {
    const int64_t at = result[r] * g.out + o;
    to[r] = result[r] < 0 ? nowhere : y + at;
    added[r] = result[r] < 0 || plus == nullptr ? nowhere : plus + at;
  }
  products(from, places, g.pairs(), packed + part.packed + o * places * g.pairs(),
           std::min(kPanelColumns, g.out - o), plus == nullptr ? nullptr : added, to);
}

// What pixels [begin, end) of a part meet, normalized: from the first one's first place to the last one's last.
Pixels NormalizeMet(const Geometry& g, const Part& part, const bfloat16* x, const ImageFactors& by,
                    int64_t begin, int64_t end, Scratch* scratch) {
  const auto met = [&](int64_t pixel, const Place& place) {
    const int64_t n = pixel / part.width / part.height, i = pixel / part.width % part.height;
    const int64_t x_at = std::clamp<int64_t>(pixel % part.width * g.step + place.x, 0, g.width - 1);
    const int64_t at = (i * g.step + place.y) * g.width + x_at;
    return n * by.pixels + std::clamp<int64_t>(at, 0, by.pixels);
  };
  const int64_t first = met(begin, part.places.front()), last = met(end - 1, part.places.back());
  const int64_t behind = std::clamp(last + 1, first, by.images * by.pixels);
  return {NormalizePixels(by, x, first, behind, scratch), first};
}

void Multiply(const Geometry& g, const Part& part, const bfloat16* x, const float* factors,
              const uint32_t* packed, const bfloat16* plus, bfloat16* y) {
  const int64_t pixels = g.images * part.height * part.width, places = part.places.size();
  const int64_t blocks = CeilDiv(pixels, kBlock);
  if (blocks == 0) return;
  // A task has a block of pixels and some panels: enough tasks for all threads to end together.
  const int64_t group = std::max<int64_t>(1, g.panels() / CeilDiv(16 * Parallelism(), blocks));
  const int64_t groups = CeilDiv(g.panels(), group);
  const ImageFactors by = {factors, g.images, g.height * g.width, g.in};
  if (factors != nullptr && groups > 1) {  // once for all of them
    Scratch large;
    return Multiply(g, part, NormalizeImages(by, x, &large), nullptr, packed, plus, y);
  }
  const std::vector<bfloat16> zeros(g.in);
  ParallelFor(blocks * groups, [&](int64_t task) {
    static thread_local Scratch normalized;
    const int64_t begin = task / groups * kBlock, end = std::min(begin + kBlock, pixels);
    const Pixels read = factors == nullptr
                            ? Pixels{x, 0}
                            : NormalizeMet(g, part, x, by, begin, end, &normalized);
    const int64_t tiles = CeilDiv(end - begin, kPixels);
    std::vector<const bfloat16*> from(tiles * places * kPixels);
    std::vector<int64_t> result(tiles * kPixels);
    for (int64_t tile = 0; tile < tiles; tile++)
      FindPixels(g, part, read, begin + tile * kPixels, zeros.data(),
                 from.data() + tile * places * kPixels, &result[tile * kPixels]);
    const int64_t first = task % groups * group, last = std::min(first + group, g.panels());
    // A small kernel stays in the cache as a whole: then a pixel's channels are written in one go.
    const int64_t kernel_bytes = 4 * (last - first) * kPanelColumns * places * g.pairs();
    const int64_t at_once = kernel_bytes <= kSmallKernelBytes ? 1 : tiles;
    for (int64_t tile = 0; tile < tiles; tile += at_once)
      for (int64_t panel = first; panel < last; panel++)
        for (int64_t t = tile; t < tile + at_once; t++)
          MultiplyTile(g, part, from.data() + t * places * kPixels, &result[t * kPixels], packed,
                       panel, plus, y);
  });
}

// A kernel [H, W, I, O] as forward convolutions of any stride pack it, in a tensor of its own shape.
class PackedKernel {
 public:
  explicit PackedKernel(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor w(Input(context, 0));
    if (w.rank() != 4) throw std::runtime_error("w must have four dimensions");
    if (w.dim(2) % kPanelRows != 0 || w.dim(3) % kPanelRows != 0)
      throw std::runtime_error("channels must be a multiple of 16");
    Geometry g = {0, 0, 0, w.dim(2), 0, 0, w.dim(3), 1, 1, {}};
    AddParts({w.dim(0), w.dim(1), 1, 0, 0}, false, &g);
    const Tensor packed(Output(context, 0, w.shape()));
    if (w.size() > 0)
      PackKernel(g, g.parts[0], false, w.data<bfloat16>(), packed.data<uint32_t>());
  }
};

class Conv {
 public:
  explicit Conv(TF_OpKernelConstruction* construction)
      : turned_(IntAttr(construction, "turned") != 0),
        out_height_(IntAttr(construction, "out_height")),
        out_width_(IntAttr(construction, "out_width")),
        stride_(IntAttr(construction, "stride")),
        pad_top_(IntAttr(construction, "pad_top")),
        pad_left_(IntAttr(construction, "pad_left")),
        packed_(IntAttr(construction, "packed") != 0),
        tiles_(IntAttr(construction, "tiles")),
        addends_(IntAttr(construction, "N")),
        normalizations_(IntAttr(construction, "F")),
        moments_(IntAttr(construction, "M")) {
    if (stride_ < 1) throw std::runtime_error("the stride must be positive");
    if (packed_ && turned_) throw std::runtime_error("a kernel is packed for the way forward");
    if (turned_ && (normalizations_ > 0 || moments_ > 0))
      throw std::runtime_error("convolutions normalize and sum up on the way forward");
    if (tiles_ == kNoTiles && moments_ > 0)
      throw std::runtime_error("convolutions sum up on tiles");
    RequireTiles(tiles_);
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), w(Input(context, 1));
    if (x.rank() != 4 || w.rank() != 4) throw std::runtime_error("x and w must have four dimensions");
    const int64_t in = w.dim(turned_ ? 3 : 2), out = w.dim(turned_ ? 2 : 3);
    if (x.dim(3) != in) throw std::runtime_error("x and w must have the same channels");
    if (in % kPanelRows != 0 || out % kPanelRows != 0)
      throw std::runtime_error("channels must be a multiple of 16");
    Geometry g = {x.dim(0), x.dim(1), x.dim(2), in, out_height_, out_width_, out, 1, 1, {}};
    const Tensor y(Output(context, 0, {g.images, g.out_height, g.out_width, g.out}));
    const Addend plus(context, 2, addends_, y);
    const FactorsInput factors(context, 2 + addends_, normalizations_, x);
    const OptionalOutput moments(context, 1, moments_, {g.images, 2, out});
    if (y.size() == 0) return moments.Fill(0.0);
    if (tiles_ != kNoTiles) {
      const TileExtras extras = {factors.data<float>(), plus.data<uint16_t>(), moments.data<double>()};
      return MultiplyTiles(x, w, extras, y);
    }
    AddParts({w.dim(0), w.dim(1), stride_, pad_top_, pad_left_}, turned_, &g);
    if (packed_) {
      Multiply(g, g.parts[0], x.data<bfloat16>(), factors.data<float>(), w.data<uint32_t>(),
               plus.data<bfloat16>(), y.data<bfloat16>());
      return;
    }
    static thread_local std::vector<uint32_t> packed;
    packed.resize(std::max<size_t>(packed.size(), w.size() / 2));
    for (const Part& part : g.parts) {
      PackKernel(g, part, turned_, w.data<bfloat16>(), packed.data());
      Multiply(g, part, x.data<bfloat16>(), factors.data<float>(), packed.data(),
               plus.data<bfloat16>(), y.data<bfloat16>());
    }
    if (packed.size() * sizeof(uint32_t) > kKeptBytes) std::vector<uint32_t>().swap(packed);
  }

 private:
  void MultiplyTiles(const Tensor& x, const Tensor& w, const TileExtras& extras, const Tensor& y) const {
    const Tensor& images = turned_ ? y : x;
    const Tensor& result = turned_ ? x : y;
    const ConvShape s = {x.dim(0),      images.dim(1), images.dim(2), w.dim(2),
                         result.dim(1), result.dim(2), w.dim(3),      w.dim(0),
                         w.dim(1),      stride_,       pad_top_,      pad_left_};
    if (!FitsTiles(s)) throw std::runtime_error("channels on tiles must be a multiple of 32");
    const TileKernel kernel = {packed_ ? nullptr : w.data<uint16_t>(),
                               packed_ ? w.data<uint32_t>() : nullptr};
    UseTiles(tiles_, [&](auto tiles) {
      TileConvolve<decltype(tiles)>(s, turned_, x.data<uint16_t>(), kernel, extras, y.data<uint16_t>());
    });
  }

  const bool turned_;
  const int out_height_, out_width_, stride_, pad_top_, pad_left_;
  const bool packed_;
  const int tiles_, addends_, normalizations_, moments_;
};

void InferPacked(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 0, status);
}

}  // namespace

void RegisterConv() {
  // The attributes that tell the size are not within reach of an inference.
  DefineOp("BitConv",
           {"turned: int", "out_height: int", "out_width: int", "stride: int", "pad_top: int",
            "pad_left: int", "packed: int", "tiles: int", "N: int >= 0", "F: int >= 0", "M: int >= 0"},
           {"x: bfloat16", "w: bfloat16", "plus: N * bfloat16", "factors: F * float"},
           {"y: bfloat16", "moments: M * double"}, InferNothing);
  DefineKernel<Conv>("BitConv", nullptr, TF_BFLOAT16);
  DefineOp("BitPackKernel", {}, {"w: bfloat16"}, {"packed: bfloat16"}, InferPacked);
  DefineKernel<PackedKernel>("BitPackKernel", nullptr, TF_BFLOAT16);
}

}  // namespace bit
