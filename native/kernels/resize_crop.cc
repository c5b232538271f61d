// Operations that make of an image just the crop's window of its resize, mirrored or not.
#include <stdexcept>

#include "registration.h"
#include "resize.h"
#include "tf_kernel.h"

namespace bit {
namespace {

void Require(bool condition, const char* message) {
  if (!condition) throw std::runtime_error(message);
}

// What the operations have in common: the attributes, and a window as int32 top, left, flip.
class Crop {
 public:
  explicit Crop(TF_OpKernelConstruction* construction)
      : side(IntAttr(construction, "side")), crop(IntAttr(construction, "crop")) {
    Require(crop >= 1 && crop <= side, "crop must be at least 1 and at most side");
  }
  Window At(const int32_t* window) const {
    const int64_t slack = side - crop, top = window[0], left = window[1];
    Require(top >= 0 && left >= 0 && top <= slack && left <= slack,
            "the window must lie inside the resized image");
    return {top, left, window[2] != 0};
  }
  const int64_t side, crop;
};

class ResizeCrop {
 public:
  explicit ResizeCrop(TF_OpKernelConstruction* construction) : crop_(construction) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor image(Input(context, 0)), window(Input(context, 1));
    Require(image.rank() == 3 && image.dim(2) == 3 && image.size() > 0,
            "an image must be [height, width, 3] and not empty");
    Require(window.rank() == 1 && window.size() == 3, "a window must be [3]");
    const Window at = crop_.At(window.data<int32_t>());
    const Tensor made(Output(context, 0, {crop_.crop, crop_.crop, 3}));
    Resize resize(image.dim(0), image.dim(1), crop_.side, crop_.crop);
    resize.Run(image.data<uint8_t>(), at, made.data<uint8_t>());
  }

 private:
  const Crop crop_;
};

// As ResizeCrop, for rows of a table of images that are all of one size.
class GatherResizeCrop {
 public:
  explicit GatherResizeCrop(TF_OpKernelConstruction* construction) : crop_(construction) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor images(Input(context, 0)), rows(Input(context, 1)), windows(Input(context, 2));
    Require(images.rank() == 4 && images.dim(3) == 3 && images.size() > 0,
            "images must be [n, height, width, 3] and not empty");
    Require(rows.rank() == 1 && windows.rank() == 2 && windows.dim(1) == 3 &&
                windows.dim(0) == rows.dim(0),
            "rows must be [batch], and windows [batch, 3]");
    const int64_t batch = rows.dim(0), bytes = crop_.crop * crop_.crop * 3;
    const int64_t image_bytes = images.dim(1) * images.dim(2) * 3;
    const Tensor made(Output(context, 0, {batch, crop_.crop, crop_.crop, 3}));
    Resize resize(images.dim(1), images.dim(2), crop_.side, crop_.crop);
    for (int64_t i = 0; i < batch; i++) {
      const int64_t row = rows.data<int32_t>()[i];
      Require(row >= 0 && row < images.dim(0), "a row lies outside the table of images");
      resize.Run(images.data<uint8_t>() + row * image_bytes,
                 crop_.At(windows.data<int32_t>() + 3 * i), made.data<uint8_t>() + i * bytes);
    }
  }

 private:
  const Crop crop_;
};

}  // namespace

void RegisterResizeCrop() {
  DefineOp("BitResizeCrop", {"side: int", "crop: int"}, {"image: uint8", "window: int32"},
           {"output: uint8"}, InferNothing);
  DefineKernel<ResizeCrop>("BitResizeCrop", nullptr, TF_UINT8);
  DefineOp("BitGatherResizeCrop", {"side: int", "crop: int"},
           {"images: uint8", "rows: int32", "windows: int32"}, {"output: uint8"}, InferNothing);
  DefineKernel<GatherResizeCrop>("BitGatherResizeCrop", nullptr, TF_UINT8);
}

}  // namespace bit
