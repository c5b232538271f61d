// Grey levels as the values that the network takes. Bytes go from thread to thread until a step needs
// its batch: they take a quarter of the memory.
#include <algorithm>

#include "numeric.h"
#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

constexpr int64_t kChunk = 1 << 18;

BIT_FOR_EACH_PROCESSOR void Normalize(const uint8_t* level, int64_t n, float* value) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) value[i] = (static_cast<float>(level[i]) - 127.5f) / 127.5f;
}

// Bytes of any shape to (x - 127.5) / 127.5, in [-1, 1].
class NormalizeLevels {
 public:
  explicit NormalizeLevels(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor levels(Input(context, 0));
    const Tensor values(Output(context, 0, levels.shape()));
    const int64_t size = levels.size();
    ParallelFor((size + kChunk - 1) / kChunk, [&](int64_t chunk) {
      const int64_t begin = chunk * kChunk;
      Normalize(levels.data<uint8_t>() + begin, std::min(kChunk, size - begin),
                values.data<float>() + begin);
    });
  }
};

void InferSame(TF_ShapeInferenceContext* context, TF_Status* status) {
  InferSameShape(context, 0, 0, status);
}

}  // namespace

void RegisterLevels() {
  DefineOp("BitNormalizeLevels", {}, {"levels: uint8"}, {"output: float"}, InferSame);
  DefineKernel<NormalizeLevels>("BitNormalizeLevels", nullptr, TF_FLOAT);
}

}  // namespace bit
