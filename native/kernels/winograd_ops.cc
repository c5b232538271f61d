// TensorFlow's operations of Winograd convolutions (winograd.h).
#include <stdexcept>

#include "normalize_pixels.h"
#include "panel_products.h"
#include "registration.h"
#include "tf_kernel.h"
#include "winograd.h"

namespace bit {
namespace {

class WinogradConv {
 public:
  explicit WinogradConv(TF_OpKernelConstruction* construction)
      : turned_(IntAttr(construction, "turned") != 0), normalizations_(IntAttr(construction, "F")) {
    if (turned_ && normalizations_ > 0)
      throw std::runtime_error("convolutions normalize on the way forward");
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), w(Input(context, 1));
    if (x.rank() != 4 || w.rank() != 4 || w.dim(0) != 3 || w.dim(1) != 3)
      throw std::runtime_error("x must have four dimensions, and w be [3, 3, in, out]");
    const int64_t in = w.dim(turned_ ? 3 : 2), out = w.dim(turned_ ? 2 : 3);
    if (x.dim(3) != in) throw std::runtime_error("x and w must have the same channels");
    RequirePanels(in, out);
    const FactorsInput factors(context, 2, normalizations_, x);
    const Tensor y(Output(context, 0, {x.dim(0), x.dim(1), x.dim(2), out}));
    const WinogradShape shape = {x.dim(0), x.dim(1), x.dim(2), w.dim(2), w.dim(3)};
    WinogradConvolve(shape, turned_, x.data<float>(), factors.data<float>(), w.data<float>(),
                     y.data<float>());
  }

 private:
  const bool turned_;
  const int normalizations_;
};

class WinogradFilterGrad {
 public:
  explicit WinogradFilterGrad(TF_OpKernelConstruction* construction)
      : normalizations_(IntAttr(construction, "F")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x(Input(context, 0)), dy(Input(context, 1));
    const bool same = x.rank() == 4 && dy.rank() == 4 && x.dim(0) == dy.dim(0) && x.dim(1) == dy.dim(1) &&
                      x.dim(2) == dy.dim(2);
    if (!same) throw std::runtime_error("x and dy must be as many images of one size");
    RequirePanels(x.dim(3), dy.dim(3));
    const FactorsInput factors(context, 2, normalizations_, x);
    const Tensor dw(Output(context, 0, {3, 3, x.dim(3), dy.dim(3)}));
    const WinogradShape shape = {x.dim(0), x.dim(1), x.dim(2), x.dim(3), dy.dim(3)};
    WinogradFilterGradient(shape, x.data<float>(), factors.data<float>(), dy.data<float>(), dw.data<float>());
  }

 private:
  const int normalizations_;
};

}  // namespace

void RegisterWinograd() {
  DefineOp("BitWinogradConv", {"turned: int", "F: int >= 0"}, {"x: float", "w: float", "factors: F * float"},
           {"y: float"}, InferNothing);
  DefineKernel<WinogradConv>("BitWinogradConv", nullptr, TF_FLOAT);
  DefineOp("BitWinogradFilterGrad", {"F: int >= 0"}, {"x: float", "dy: float", "factors: F * float"},
           {"dw: float"}, InferNothing);
  DefineKernel<WinogradFilterGrad>("BitWinogradFilterGrad", nullptr, TF_FLOAT);
}

}  // namespace bit
