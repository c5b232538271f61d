// Images kept in memory once they are decoded, up to a number of bytes. A cache belongs to a session:
// the operation that makes it holds it, and others find it by a number while it is there.
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "registration.h"
#include "resize.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// An image [height, width, 3] of bytes. It shares its memory with the tensors that hold it elsewhere.
using Image = std::shared_ptr<TF_Tensor>;

Image Owned(TF_Tensor* tensor) { return Image(tensor, TF_DeleteTensor); }

// Safe to use from several threads at once.
class ImageCache {
 public:
  explicit ImageCache(int64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Null where there is none.
  Image Get(int32_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = images_.find(index);
    return found == images_.end() ? nullptr : found->second;
  }

  // Whether an image of so many bytes is to be kept under an index that has none. They are counted now.
  bool Reserve(int32_t index, int64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (used_bytes_ + bytes > capacity_bytes_ || !images_.emplace(index, nullptr).second)
      return false;
    used_bytes_ += bytes;
    return true;
  }

  void Keep(int32_t index, Image image) {
    const std::lock_guard<std::mutex> lock(mutex_);
    images_[index] = std::move(image);
  }

 private:
  const int64_t capacity_bytes_;
  std::mutex mutex_;
  int64_t used_bytes_ = 0;
  std::unordered_map<int32_t, Image> images_;
};

std::mutex caches_mutex;
std::map<int64_t, std::weak_ptr<ImageCache>> caches;

std::shared_ptr<ImageCache> CacheOf(const Tensor& number) {
  if (number.rank() != 0) throw std::runtime_error("a cache's number must be a scalar");
  const std::lock_guard<std::mutex> lock(caches_mutex);
  const auto found = caches.find(*number.data<int64_t>());
  auto cache = found == caches.end() ? nullptr : found->second.lock();
  if (cache == nullptr) throw std::runtime_error("the session that owned this cache is closed");
  return cache;
}

int32_t IndexOf(const Tensor& index) {
  if (index.rank() != 0) throw std::runtime_error("an index into a cache must be a scalar");
  return *index.data<int32_t>();
}

void SetOutput(TF_OpKernelContext* context, TF_Tensor* tensor) {
  Status status;
  TF_SetOutput(context, 0, tensor, status);
  status.Check();
}

class MakeCache {
 public:
  explicit MakeCache(TF_OpKernelConstruction* construction) {
    Status status;
    int64_t capacity_bytes = 0;
    TF_OpKernelConstruction_GetAttrInt64(construction, "capacity_bytes", &capacity_bytes, status);
    status.Check();
    cache_ = std::make_shared<ImageCache>(capacity_bytes);
    const std::lock_guard<std::mutex> lock(caches_mutex);
    static int64_t made = 0;
    number_ = ++made;
    caches.emplace(number_, cache_);
  }

  ~MakeCache() {
    const std::lock_guard<std::mutex> lock(caches_mutex);
    caches.erase(number_);
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor number(Output(context, 0, {}));
    *number.data<int64_t>() = number_;
  }

 private:
  std::shared_ptr<ImageCache> cache_;
  int64_t number_;
};

class Has {
 public:
  explicit Has(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor cache(Input(context, 0)), index(Input(context, 1));
    const bool has = CacheOf(cache)->Get(IndexOf(index)) != nullptr;
    const Tensor result(Output(context, 0, {}));
    *result.data<bool>() = has;
  }
};

class Get {
 public:
  explicit Get(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor cache(Input(context, 0)), index(Input(context, 1));
    const Image image = CacheOf(cache)->Get(IndexOf(index));
    if (image == nullptr) throw std::runtime_error("the cache has no image of this index");
    SetOutput(context, image.get());
  }
};

// Keeps an image while there is room, or what it is resized to where that is smaller; gives on either.
class Keep {
 public:
  explicit Keep(TF_OpKernelConstruction* construction) : side_(IntAttr(construction, "side")) {
    if (side_ < 1) throw std::runtime_error("side must be at least 1");
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor cache_number(Input(context, 0)), at(Input(context, 1));
    const std::shared_ptr<ImageCache> cache = CacheOf(cache_number);
    const int32_t index = IndexOf(at);
    Image image = Owned(Input(context, 2));
    if (TF_NumDims(image.get()) != 3 || TF_Dim(image.get(), 2) != 3 ||
        TF_TensorElementCount(image.get()) == 0)
      throw std::runtime_error("an image must be [height, width, 3] and not empty");
    const int64_t height = TF_Dim(image.get(), 0), width = TF_Dim(image.get(), 1);
    const bool smaller = side_ * side_ < height * width;
    const int64_t bytes = 3 * (smaller ? side_ * side_ : height * width);
    if (cache->Reserve(index, bytes)) {
      if (smaller) {
        const int64_t dims[] = {side_, side_, 3};
        Image resized = Owned(TF_AllocateTensor(TF_UINT8, dims, 3, bytes));
        Resize(height, width, side_, side_)
            .Run(static_cast<const uint8_t*>(TF_TensorData(image.get())), {0, 0, false},
                 static_cast<uint8_t*>(TF_TensorData(resized.get())));
        image = std::move(resized);
      }
      cache->Keep(index, image);
    }
    SetOutput(context, image.get());
  }

 private:
  const int64_t side_;
};

// With a state, so that TensorFlow neither computes its result ahead nor runs two kernels for one.
void DefineMakeCache() {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder("BitImageCache");
  TF_OpDefinitionBuilderAddAttr(builder, "capacity_bytes: int");
  TF_OpDefinitionBuilderAddOutput(builder, "output: int64");
  TF_OpDefinitionBuilderSetIsStateful(builder, true);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, InferScalar);
  Status status;
  TF_RegisterOpDefinition(builder, status);
  status.Check();
}

}  // namespace

void RegisterImageCache() {
  DefineMakeCache();
  DefineOp("BitImageCacheHas", {}, {"cache: int64", "index: int32"}, {"output: bool"}, InferScalar);
  DefineOp("BitImageCacheGet", {}, {"cache: int64", "index: int32"}, {"output: uint8"},
           InferNothing);
  DefineOp("BitImageCacheKeep", {"side: int"}, {"cache: int64", "index: int32", "image: uint8"},
           {"output: uint8"}, InferNothing);
  DefineKernel<MakeCache>("BitImageCache", nullptr, TF_INT64);
  DefineKernel<Has>("BitImageCacheHas", nullptr, TF_BOOL);
  DefineKernel<Get>("BitImageCacheGet", nullptr, TF_UINT8);
  DefineKernel<Keep>("BitImageCacheKeep", nullptr, TF_UINT8);
}

}  // namespace bit
