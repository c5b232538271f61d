// What each file of kernels adds to TensorFlow's registries.
#pragma once

namespace bit {

void RegisterGroupNorm();
void RegisterStandardize();

}  // namespace bit
