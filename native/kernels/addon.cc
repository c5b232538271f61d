// Node loads this addon after TensorFlow: it adds our operations to TensorFlow's registries, where
// every session opened later finds them. Each thread of Node that opens the engine loads it anew; the
// registries are the process's.
#include <node_api.h>
#include <tensorflow/c/c_api.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "registration.h"
#include "tf_kernel.h"
#include "tiles.h"

namespace {

// Another version of these sources, in another file, may be here already: TensorFlow ends the process
// where an operation is defined twice.
void RequireNoOthers() {
  bit::Status status;
  TF_Buffer* found = TF_GetRegisteredKernelsForOp("BitConv", status);
  status.Check();
  const bool others = found->length > 0;
  TF_DeleteBuffer(found);
  if (others) throw std::runtime_error("another version of these operations is loaded");
}

// Empty where all is registered, or what went wrong, which is not tried again.
std::string RegisterAll() {
  try {
    RequireNoOthers();
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
    bit::RegisterWinograd();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// tilesMissing() and tilesFault(): a text of tiles.h's.
template <const std::string& (*text)()>
napi_value Text(napi_env env, napi_callback_info) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text().data(), text().size(), &value);
  return value;
}

napi_value Init(napi_env env, napi_value exports) {
  // Once a process; a second thread waits for the first.
  static const std::string wrong = RegisterAll();
  if (!wrong.empty()) napi_throw_error(env, nullptr, wrong.c_str());
  const napi_property_descriptor functions[] = {
      {"tilesMissing", nullptr, Text<bit::TilesMissing>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"tilesFault", nullptr, Text<bit::TilesFault>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, 2, functions);
  return exports;
}

}  // namespace

NAPI_MODULE(bit_kernels, Init)
