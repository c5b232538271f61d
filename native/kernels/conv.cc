// A convolution of bfloat16 images, and with stride 1 its gradient by the images, which is the
// convolution of dy with the kernel turned round:
//   y[n, y, x, o] = sum over ky, kx, i of x[n, y * stride + ky - pad_top, x * stride + kx - pad_left, i]
//                   times w[ky, kx, i, o],
// and plus[n, y, x, o] where there is one.
// Eight pixels at a time are multiplied with panels of the kernel straight from where they lie; only
// the kernel is packed first.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "pack_pairs.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// Pixels that meet one panel of the kernel after the other: they stay in the second cache.
constexpr int64_t kBlock = 128;
// A kernel that stays in the second cache beside them.
constexpr int64_t kSmallKernelBytes = 256 << 10;

struct Geometry {
  int64_t images, height, width, in;
  int64_t out_height, out_width, out;
  int64_t kernel_height, kernel_width, stride, pad_top, pad_left;
  int64_t places() const { return kernel_height * kernel_width; }
  int64_t out_pixels() const { return images * out_height * out_width; }
};

// w [places, in, out] to panels of [places, in / 2, 32], of which the last may be 16 wide.
void PackKernel(const Geometry& g, const bfloat16* w, uint32_t* to) {
  const int64_t panels = CeilDiv(g.out, kPanelColumns), pairs = g.in / 2;
  ParallelFor(panels * g.places(), [&](int64_t task) {
    const int64_t place = task % g.places(), o = task / g.places() * kPanelColumns;
    const int64_t n = std::min(kPanelColumns, g.out - o);
    const Row row = {w + place * g.in * g.out, g.in, g.out, 0, 1, g.in};
    PackRow(row, o, n, to + o * g.places() * pairs + place * pairs * n);
  });
}

// The same of w [places, out, in], its places in reverse.
void PackTurnedKernel(const Geometry& g, const bfloat16* w, uint32_t* to) {
  const int64_t panels = CeilDiv(g.out, kPanelColumns), pairs = g.in / 2;
  ParallelFor(panels * g.places(), [&](int64_t task) {
    const int64_t place = task % g.places(), o = task / g.places() * kPanelColumns;
    const int64_t n = std::min(kPanelColumns, g.out - o);
    const bfloat16* from = w + ((g.places() - 1 - place) * g.out + o) * g.in;
    PackChannels(from, g.in, pairs, n, to + o * g.places() * pairs + place * pairs * n);
  });
}

// Where the images' values are that meet each place of the kernel, for kPixels pixels of the result
// from `first` on; zeros stand for those outside.
void FindPixels(const Geometry& g, const bfloat16* x, int64_t first, const bfloat16* zeros,
                const bfloat16** from) {
  int64_t column = first % g.out_width, row = first / g.out_width % g.out_height;
  int64_t image = first / g.out_width / g.out_height;
  for (int64_t r = 0; r < kPixels; r++) {
    const bfloat16* const pixels = x + image * g.height * g.width * g.in;
    const int64_t top = row * g.stride - g.pad_top, left = column * g.stride - g.pad_left;
    const bool there = first + r < g.out_pixels();
    for (int64_t ky = 0; ky < g.kernel_height; ky++) {
      const int64_t iy = top + ky;
      const bool inside = there && iy >= 0 && iy < g.height;
      for (int64_t kx = 0; kx < g.kernel_width; kx++) {
        const int64_t ix = left + kx;
        const bool meets = inside && ix >= 0 && ix < g.width;
        from[(ky * g.kernel_width + kx) * kPixels + r] =
            meets ? pixels + (iy * g.width + ix) * g.in : zeros;
      }
    }
    if (++column < g.out_width) continue;
    column = 0;
    if (++row < g.out_height) continue;
    row = 0;
    image++;
  }
}

// Channels of a panel, of kPixels pixels from `first` on.
void MultiplyTile(const Geometry& g, const bfloat16* const* from, const uint32_t* packed,
                  int64_t panel, int64_t first, const bfloat16* plus, bfloat16* y) {
  static const PixelProducts products = FindBfloat16Products().pixels;
  const int64_t pairs = g.in / 2, o = panel * kPanelColumns;
  bfloat16 nowhere[kPanelColumns] = {};  // takes what stands for pixels after the last
  bfloat16* to[kPixels];
  const bfloat16* added[kPixels];
  for (int64_t r = 0; r < kPixels; r++) {
    const bool there = first + r < g.out_pixels();
    to[r] = there ? y + (first + r) * g.out + o : nowhere;
    added[r] = there && plus != nullptr ? plus + (first + r) * g.out + o : nowhere;
  }
  products(from, g.places(), pairs, packed + o * g.places() * pairs,
           std::min(kPanelColumns, g.out - o), plus == nullptr ? nullptr : added, to);
}

void Multiply(const Geometry& g, const bfloat16* x, const uint32_t* packed, const bfloat16* plus,
              bfloat16* y) {
  const int64_t panels = CeilDiv(g.out, kPanelColumns), pairs = g.in / 2;
  const int64_t blocks = CeilDiv(g.out_pixels(), kBlock);
  // A task has a block of pixels and some panels: enough tasks for all threads to end together.
  const int64_t group = std::max<int64_t>(1, panels / CeilDiv(16 * Parallelism(), blocks));
  const int64_t groups = CeilDiv(panels, group);
  const std::vector<bfloat16> zeros(g.in);
  ParallelFor(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * kBlock, end = std::min(begin + kBlock, g.out_pixels());
    const int64_t tiles = CeilDiv(end - begin, kPixels);
    std::vector<const bfloat16*> from(tiles * g.places() * kPixels);
    for (int64_t tile = 0; tile < tiles; tile++)
      FindPixels(g, x, begin + tile * kPixels, zeros.data(), &from[tile * g.places() * kPixels]);
    const int64_t first = task % groups * group, last = std::min(first + group, panels);
    // A small kernel stays in the cache as a whole: then a pixel's channels are written in one go.
    const int64_t kernel_bytes = 4 * (last - first) * kPanelColumns * g.places() * pairs;
    const int64_t at_once = kernel_bytes <= kSmallKernelBytes ? 1 : tiles;
    for (int64_t tile = 0; tile < tiles; tile += at_once)
      for (int64_t panel = first; panel < last; panel++)
        for (int64_t t = tile; t < tile + at_once; t++)
          MultiplyTile(g, &from[t * g.places() * kPixels], packed, panel, begin + t * kPixels, plus, y);
  });
}

class Conv {
 public:
  explicit Conv(TF_OpKernelConstruction* construction)
      : turned_(IntAttr(construction, "turned") != 0),
        out_height_(IntAttr(construction, "out_height")),
        out_width_(IntAttr(construction, "out_width")),
        stride_(IntAttr(construction, "stride")),
        pad_top_(IntAttr(construction, "pad_top")),
        pad_left_(IntAttr(construction, "pad_left")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), w(Input(context, 1));
    if (x.rank() != 4 || w.rank() != 4) throw std::runtime_error("x and w must have four dimensions");
    const int64_t in = w.dim(turned_ ? 3 : 2), out = w.dim(turned_ ? 2 : 3);
    if (x.dim(3) != in) throw std::runtime_error("x and w must have the same channels");
    if (in % 2 != 0 || out % kPanelRows != 0)
      throw std::runtime_error("channels must be a multiple of 16");
    const Geometry g = {x.dim(0),    x.dim(1), x.dim(2), in,      out_height_, out_width_, out,
                        w.dim(0),    w.dim(1), stride_,  pad_top_, pad_left_};
    const Tensor y(Output(context, 0, {g.images, g.out_height, g.out_width, g.out}));
    if (y.size() == 0) return;
    const Addend plus(context, 2, y);
    // Kept from call to call: memory that is new each time costs as much as packing does.
    static thread_local std::vector<uint32_t> packed;
    packed.resize(std::max<size_t>(packed.size(), w.size() / 2));
    (turned_ ? PackTurnedKernel : PackKernel)(g, w.data<bfloat16>(), packed.data());
    Multiply(g, x.data<bfloat16>(), packed.data(), plus.data<bfloat16>(), y.data<bfloat16>());
  }

 private:
  const bool turned_;
  const int out_height_, out_width_, stride_, pad_top_, pad_left_;
};

void InferShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

}  // namespace

void RegisterConv() {
  DefineOp("BitConv",
           {"turned: int", "out_height: int", "out_width: int", "stride: int", "pad_top: int",
            "pad_left: int", "N: int >= 0"},
           {"x: bfloat16", "w: bfloat16", "plus: N * bfloat16"}, {"y: bfloat16"}, InferShape);
  DefineKernel<Conv>("BitConv", nullptr, TF_BFLOAT16);
}

}  // namespace bit
