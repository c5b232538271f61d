// A convolution of images,
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
// It is computed by the processor's vectors (vector_convolve.cc) or, in bfloat16, on matrix tiles
// (tile_convolve.cc), of kernels that are packed alike: by the convolution itself, by BitStandardize for tiles, or,
// where a kernel is the same from run to run, by BitPackKernel.
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "normalize_pixels.h"
#include "panel_products.h"
#include "registration.h"
#include "tf_kernel.h"
#include "tile_convolution.h"
#include "vector_convolve.h"

namespace bit {
namespace {

// A kernel [H, W, I, O] as forward convolutions of any stride pack it, in a tensor of its own shape.
class PackedKernel {
 public:
  explicit PackedKernel(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor w(Input(context, 0));
    if (w.rank() != 4) throw std::runtime_error("w must have four dimensions");
    RequirePanels(w.dim(2), w.dim(3));
    const Tensor packed(Output(context, 0, w.shape()));
    if (w.size() == 0) return;
    const ConvShape s = {0, 0, 0, w.dim(2), 0, 0, w.dim(3), w.dim(0), w.dim(1), 1, 0, 0};
    PackVectorKernel(s, w.data<bfloat16>(), packed.data<uint32_t>());
  }
};

template <typename T>
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
    if (packed_ && turned_ && tiles_ == kNoTiles)
      throw std::runtime_error("a kernel that is packed for the way forward is turned on tiles");
    if (turned_ && (normalizations_ > 0 || moments_ > 0))
      throw std::runtime_error("convolutions normalize and sum up on the way forward");
    if (tiles_ == kNoTiles && moments_ > 0)
      throw std::runtime_error("convolutions sum up on tiles");
    if ((packed_ || tiles_ != kNoTiles) && !std::is_same_v<T, bfloat16>)
      throw std::runtime_error("tiles and packed kernels are for bfloat16");
    RequireTiles(tiles_);
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), w(Input(context, 1));
    if (x.rank() != 4 || w.rank() != 4) throw std::runtime_error("x and w must have four dimensions");
    const int64_t in = w.dim(turned_ ? 3 : 2), out = w.dim(turned_ ? 2 : 3);
    if (x.dim(3) != in) throw std::runtime_error("x and w must have the same channels");
    RequirePanels(in, out);
    const Tensor y(Output(context, 0, {x.dim(0), out_height_, out_width_, out}));
    const Addend plus(context, 2, addends_, y);
    const FactorsInput factors(context, 2 + addends_, normalizations_, x);
    const OptionalOutput moments(context, 1, moments_, {x.dim(0), 2, out});
    if (y.size() == 0) return moments.template Fill<double>(0.0);
    const Tensor& images = turned_ ? y : x;
    const Tensor& result = turned_ ? x : y;
    const ConvShape s = {x.dim(0),      images.dim(1), images.dim(2), w.dim(2),
                         result.dim(1), result.dim(2), w.dim(3),      w.dim(0),
                         w.dim(1),      stride_,       pad_top_,      pad_left_};
    if constexpr (std::is_same_v<T, bfloat16>)
      if (tiles_ != kNoTiles) {
        if (!FitsTiles(s)) throw std::runtime_error("channels on tiles must be a multiple of 32");
        const TileExtras extras = {factors.data<float>(), plus.data<uint16_t>(), moments.data<double>()};
        const TileKernel kernel = {packed_ ? nullptr : w.data<uint16_t>(),
                                   packed_ ? w.data<uint32_t>() : nullptr};
        return UseTiles(tiles_, [&](auto tiles) {
          TileConvolve<decltype(tiles)>(s, turned_, x.data<uint16_t>(), kernel, extras, y.data<uint16_t>());
        });
      }
    const VectorKernel<T> kernel = {packed_ ? nullptr : w.data<T>(), packed_ ? w.data<uint32_t>() : nullptr};
    const VectorExtras<T> extras = {factors.template data<float>(), plus.template data<T>()};
    VectorConvolve(s, turned_, x.data<T>(), kernel, extras, y.data<T>());
  }

 private:
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
           {"T: {float, bfloat16}", "turned: int", "out_height: int", "out_width: int", "stride: int", "pad_top: int",
            "pad_left: int", "packed: int", "tiles: int", "N: int >= 0", "F: int >= 0", "M: int >= 0"},
           {"x: T", "w: T", "plus: N * T", "factors: F * float"},
           {"y: T", "moments: M * double"}, InferNothing);
  DefineKernel<Conv<float>>("BitConv", "T", TF_FLOAT);
  DefineKernel<Conv<bfloat16>>("BitConv", "T", TF_BFLOAT16);
  DefineOp("BitPackKernel", {}, {"w: bfloat16"}, {"packed: bfloat16"}, InferPacked);
  DefineKernel<PackedKernel>("BitPackKernel", nullptr, TF_BFLOAT16);
}

}  // namespace bit
