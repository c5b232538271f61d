// Decodes a JPEG as TensorFlow's DecodeJpeg does, by the same function of its library, but heeds what
// libjpeg warns of: where a file's data end before its image does, libjpeg paints the rest grey, and
// DecodeJpeg gives that out as the image.
#include <tensorflow/c/tf_tstring.h>

#include <climits>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "jpeg_scans.h"
#include "jpeg_warnings.h"
#include "registration.h"
#include "tf_kernel.h"

// As in tensorflow/core/lib/jpeg/jpeg_mem.h, which cannot be included: it wants libjpeg's own header.
namespace tensorflow {
namespace jpeg {

struct UncompressFlags {
  int ratio = 1;
  int components = 0;
  bool fancy_upscaling = true;
  bool try_recover_truncated_jpeg = false;
  float min_acceptable_fraction = 1.0;
  int stride = 0;
  int dct_method = 0;  // JDCT_ISLOW, the slow transform, which gives the pixels that Pillow gives
  bool crop = false;
  int crop_x = 0;
  int crop_y = 0;
  int crop_height = 0;
  int crop_width = 0;
};

// The caller deletes[] the result, which is null where the data are none of a JPEG.
unsigned char* Uncompress(const void* source, int size, const UncompressFlags& flags, int* width,
                          int* height, int* components, int64_t* warnings);

}  // namespace jpeg
}  // namespace tensorflow

namespace bit {
namespace {

struct Decoded {
  std::unique_ptr<uint8_t[]> pixels;  // [height, width, 3]; null where there is no image
  int width = 0, height = 0;
  int64_t warnings = 0;
  std::string said;  // the first warning, and the error if there was one
};

Decoded Decode(const char* jpeg, size_t size) {
  Decoded image;
  if (size > INT_MAX) return image;
  tensorflow::jpeg::UncompressFlags flags;
  flags.components = 3;
  int components = 0;
  const WarningsKept kept(&image.said);
  image.pixels.reset(tensorflow::jpeg::Uncompress(jpeg, static_cast<int>(size), flags, &image.width,
                                                  &image.height, &components, &image.warnings));
  return image;
}

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// Why there is no image. Where the file ends too early, libjpeg says nothing, or that it was called in a
// wrong state, in which TensorFlow calls it then.
std::string ErrorOf(const Decoded& image) {
  const std::string said = LastLine(image.said);
  const bool ended = said.empty() || said.rfind("Improper call to JPEG library", 0) == 0;
  return ended ? "Corrupt JPEG data: the file ends before the image" : "Invalid JPEG data: " + said;
}

// "Corrupt JPEG data: 2 extraneous bytes before marker 0xd9": between two parts of the file lies what
// belongs to neither. Cameras leave it there; nothing of the image is missing.
bool Extraneous(const std::string& said, size_t* bytes, unsigned* marker) {
  return std::sscanf(said.c_str(), "Corrupt JPEG data: %zu extraneous bytes before marker 0x%x",
                     bytes, marker) == 2;
}

// Other warnings that say nothing of the data.
bool IsRemark(const std::string& said) {
  for (const char* const begin :
       {"Warning: unknown JFIF revision number", "Unknown Adobe color transform code",
        "Invalid SOS parameters for sequential JPEG"})
    if (said.rfind(begin, 0) == 0) return true;
  return false;
}

// A file with several warnings is decoded so often at most to find out about all of them.
constexpr int kMostTrials = 32;

// Takes `jpeg` for the data, and what they are decoded to for the image, if they have a warning less.
bool Try(std::string changed, std::string* jpeg, Decoded* image, int* trials) {
  if (++*trials > kMostTrials) return false;
  Decoded trial = Decode(changed.data(), changed.size());
  if (trial.pixels == nullptr || trial.warnings != image->warnings - 1) return false;
  *jpeg = std::move(changed);
  *image = std::move(trial);
  return true;
}

// Changes the data such that the first warning, which is harmless, falls away. Where extraneous bytes lie
// is found by trial, for libjpeg does not say. False where that cannot be done.
bool WithoutFirstWarning(std::string* jpeg, Decoded* image, int* trials) {
  size_t count = 0;
  unsigned marker = 0;
  if (!Extraneous(image->said, &count, &marker)) {
    const size_t revision = jpeg->find(std::string("JFIF\0", 5));
    if (!IsRemark(image->said) || revision == std::string::npos || revision + 5 >= jpeg->size())
      return false;
    std::string changed = *jpeg;
    changed[revision + 5] = 1;
    return Try(std::move(changed), jpeg, image, trials);
  }
  for (size_t at = count; at + 1 < jpeg->size() && *trials <= kMostTrials; at++) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>((*jpeg)[i]); };
    if (byte(at) != 0xff || byte(at + 1) != marker) continue;
    std::string changed = *jpeg;
    changed.erase(at - count, count);
    if (Try(std::move(changed), jpeg, image, trials)) return true;
  }
  return false;
}

// libjpeg tells its first warning only: the others come to light as the harmless before them fall away.
void CheckWarnings(const char* jpeg, size_t size, const Decoded& decoded) {
  std::string text(jpeg, size);
  Decoded image;
  image.warnings = decoded.warnings;
  image.said = decoded.said;
  size_t count = 0;
  unsigned marker = 0;
  for (int trials = 0; image.warnings > 1 && WithoutFirstWarning(&text, &image, &trials);) continue;
  if (image.warnings == 0) return;
  const bool harmless = Extraneous(image.said, &count, &marker) || IsRemark(image.said);
  if (image.warnings == 1 && harmless) return;
  std::string reason = LastLine(image.said);
  if (harmless) reason += ", and " + std::to_string(image.warnings - 1) + " more warnings";
  throw std::runtime_error(reason.empty() ? "Corrupt JPEG data" : reason);
}

// The bytes of a JPEG to uint8 [height, width, 3]. Damage is an error, also where libjpeg goes on.
class DecodeJpeg {
 public:
  explicit DecodeJpeg(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor contents(Input(context, 0));
    if (contents.rank() != 0) throw std::runtime_error("the bytes of a JPEG must be a scalar");
    const TF_TString* const string = contents.data<TF_TString>();
    const char* const jpeg = TF_TString_GetDataPointer(string);
    const size_t size = TF_TString_GetSize(string);
    const Decoded image = Decode(jpeg, size);
    if (image.pixels == nullptr) throw std::runtime_error(ErrorOf(image));
    if (image.warnings > 0) CheckWarnings(jpeg, size, image);
    if (!HasAllScans(reinterpret_cast<const uint8_t*>(jpeg), static_cast<int64_t>(size)))
      throw std::runtime_error("Corrupt JPEG data: scans are missing");
    const Tensor made(Output(context, 0, {image.height, image.width, 3}));
    std::memcpy(made.data<uint8_t>(), image.pixels.get(), made.size());
  }
};

// Whether the bytes of a file are a JPEG's.
class IsJpeg {
 public:
  explicit IsJpeg(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor contents(Input(context, 0));
    if (contents.rank() != 0) throw std::runtime_error("the bytes of a file must be a scalar");
    const TF_TString* const string = contents.data<TF_TString>();
    const bool is = TF_TString_GetSize(string) >= 3 &&
                    std::memcmp(TF_TString_GetDataPointer(string), "\xff\xd8\xff", 3) == 0;
    const Tensor result(Output(context, 0, {}));
    *result.data<bool>() = is;
  }
};

}  // namespace

void RegisterDecodeJpeg() {
  DefineOp("BitDecodeJpeg", {}, {"contents: string"}, {"output: uint8"}, InferNothing);
  DefineOp("BitIsJpeg", {}, {"contents: string"}, {"output: bool"}, InferScalar);
  DefineKernel<DecodeJpeg>("BitDecodeJpeg", nullptr, TF_UINT8);
  DefineKernel<IsJpeg>("BitIsJpeg", nullptr, TF_BOOL);
}

}  // namespace bit
