// What each file of kernels adds to TensorFlow's registries.
#pragma once

namespace bit {

void RegisterConv();
void RegisterConvFilterGrad();
void RegisterDecodeJpeg();
void RegisterGroupNorm();
void RegisterGroupNormGrad();
void RegisterImageCache();
void RegisterLevels();
void RegisterReadArray();
void RegisterReadRange();
void RegisterResizeCrop();
void RegisterStandardize();
void RegisterUpright();
void RegisterWinograd();

}  // namespace bit
