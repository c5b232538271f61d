// Reads a part of a file as a string, as ReadFile reads a whole one: images that lie in a TFRecord's
// shards are decoded from where they are.
#include <fcntl.h>
#include <tensorflow/c/tf_tstring.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// A file, open for reading. What is thrown names it.
class File {
 public:
  explicit File(const std::string& path) : path_(path) {
    do descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    while (descriptor_ < 0 && errno == EINTR);
    if (descriptor_ < 0) throw std::runtime_error(path_ + ": " + std::strerror(errno));
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void ReadAt(int64_t position, char* bytes, int64_t size) const {
    while (size > 0) {
      const ssize_t got = pread(descriptor_, bytes, size, position);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::runtime_error(path_ + ": " + std::strerror(errno));
      if (got == 0)
        throw std::runtime_error(path_ + ": the file ends at byte " + std::to_string(position));
      bytes += got;
      position += got;
      size -= got;
    }
  }

 private:
  const std::string path_;
  int descriptor_;
};

// No image is as large as this: a length beyond it is none.
constexpr int64_t kMostBytes = int64_t{1} << 31;

// A path, a string, and where in the file to begin and how much to read, int64: to those bytes.
class ReadRange {
 public:
  explicit ReadRange(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor path(Input(context, 0)), offset(Input(context, 1)), length(Input(context, 2));
    if (path.rank() != 0 || offset.rank() != 0 || length.rank() != 0)
      throw std::runtime_error("path, offset and length must be scalars");
    const int64_t begin = *offset.data<int64_t>(), size = *length.data<int64_t>();
    const TF_TString* name = path.data<TF_TString>();
    const File file(std::string(TF_TString_GetDataPointer(name), TF_TString_GetSize(name)));
    if (begin < 0 || size < 0 || size > kMostBytes)
      throw std::runtime_error("offset and length must not be negative, nor length beyond 2^31");
    const Tensor contents(Output(context, 0, {}));
    TF_TString* string = contents.data<TF_TString>();
    file.ReadAt(begin, TF_TString_ResizeUninitialized(string, size), size);
  }
};

}  // namespace

void RegisterReadRange() {
  DefineOp("BitReadRange", {}, {"path: string", "offset: int64", "length: int64"},
           {"output: string"}, InferScalar);
  DefineKernel<ReadRange>("BitReadRange", nullptr, TF_STRING);
}

}  // namespace bit
