// How the inner loops by the processor's vectors take a type.
#pragma once
#include "bfloat16_products.h"
#include "float32_products.h"

namespace bit {

template <typename T>
struct Packing;

template <>
struct Packing<bfloat16> {
  static constexpr int64_t kTogether = 2;  // successive values in 32 bits
  static PanelProducts Panels() { return FindBfloat16Products().panels; }
  static const PixelProducts<bfloat16>& Pixels() { return FindBfloat16Products().pixels; }
};

template <>
struct Packing<float> {
  static constexpr int64_t kTogether = 1;
  static PanelProducts Panels() { return FindFloat32Products().panels; }
  static const PixelProducts<float>& Pixels() { return FindFloat32Products().pixels; }
};

}  // namespace bit
