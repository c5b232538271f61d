// Turns photos upright: TensorFlow's Transpose and Reverse take longer for it than decoding does.
#include <algorithm>
#include <stdexcept>

#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// Sides of the squares that are turned one after the other, so that columns are read from the cache.
constexpr int64_t kTile = 32;

// uint8 [H, W, 3] and its EXIF orientation, int32 1 to 8 (EXIF 2.3, tag 0x0112), to the image upright.
class Upright {
 public:
  explicit Upright(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor image(Input(context, 0)), tag(Input(context, 1));
    if (image.rank() != 3 || image.dim(2) != 3)
      throw std::runtime_error("an image must be [height, width, 3]");
    if (tag.rank() != 0) throw std::runtime_error("an orientation must be a scalar");
    const int32_t orientation = *tag.data<int32_t>();
    if (orientation < 1 || orientation > 8)
      throw std::runtime_error("an EXIF orientation is 1 to 8");
    const bool swap = orientation >= 5;
    const bool rows = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    const bool columns =
        orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;

    const int64_t height = image.dim(swap ? 1 : 0), width = image.dim(swap ? 0 : 1);
    const Tensor made(Output(context, 0, {height, width, 3}));
    if (made.size() == 0) return;
    // Pixel (y, x) of the result is pixel from + y * down + x * right of the image.
    int64_t down = swap ? 1 : image.dim(1), right = swap ? image.dim(1) : 1, from = 0;
    if (rows) from += (height - 1) * down, down = -down;
    if (columns) from += (width - 1) * right, right = -right;
    const uint8_t* pixels = image.data<uint8_t>() + 3 * from;
    for (int64_t top = 0; top < height; top += kTile) {
      for (int64_t left = 0; left < width; left += kTile) {
        const int64_t end = std::min(width, left + kTile);
        for (int64_t y = top; y < std::min(height, top + kTile); y++) {
          uint8_t* to = made.data<uint8_t>() + 3 * (y * width + left);
          const uint8_t* pixel = pixels + 3 * (y * down + left * right);
          for (int64_t x = left; x < end; x++, to += 3, pixel += 3 * right) {
            to[0] = pixel[0];
            to[1] = pixel[1];
            to[2] = pixel[2];
          }
        }
      }
    }
  }
};

}  // namespace

void RegisterUpright() {
  DefineOp("BitUpright", {}, {"image: uint8", "orientation: int32"}, {"output: uint8"},
           InferNothing);
  DefineKernel<Upright>("BitUpright", nullptr, TF_UINT8);
}

}  // namespace bit
