// Node loads this addon after TensorFlow: it adds our operations to TensorFlow's registries, where
// every session opened later finds them.
#include <node_api.h>

#include <exception>

#include "registration.h"

namespace {

napi_value Init(napi_env env, napi_value exports) {
  try {
    bit::RegisterConv();
    bit::RegisterConvFilterGrad();
    bit::RegisterDecodeJpeg();
    bit::RegisterGroupNorm();
    bit::RegisterGroupNormGrad();
    bit::RegisterImageCache();
    bit::RegisterLevels();
    bit::RegisterReadArray();
    bit::RegisterReadRange();
    bit::RegisterResizeCrop();
    bit::RegisterStandardize();
    bit::RegisterUpright();
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return exports;
}

}  // namespace

NAPI_MODULE(bit_kernels, Init)
