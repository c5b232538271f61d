// TensorFlow's C API for operations of our own, in the few forms that these need.
// Source: tensorflow/c/ops.h, tensorflow/c/kernels.h.
#pragma once
#include <tensorflow/c/kernels.h>
#include <tensorflow/c/ops.h>
#include <tensorflow/c/tf_tensor.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../status.h"
#include "large_pages.h"

namespace bit {

// A tensor that a kernel reads or writes while it runs.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor) {}
  ~Tensor() { TF_DeleteTensor(tensor_); }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  template <typename T>
  T* data() const {
    return static_cast<T*>(TF_TensorData(tensor_));
  }
  int rank() const { return TF_NumDims(tensor_); }
  int64_t dim(int i) const { return TF_Dim(tensor_, i); }
  int64_t size() const { return TF_TensorElementCount(tensor_); }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> dims(rank());
    for (int i = 0; i < rank(); i++) dims[i] = dim(i);
    return dims;
  }

 private:
  TF_Tensor* tensor_;
};

inline TF_Tensor* Input(TF_OpKernelContext* context, int index) {
  Status status;
  TF_Tensor* tensor = nullptr;
  TF_GetInput(context, index, &tensor, status);
  status.Check();
  return tensor;
}

// For what is made. Smaller ones are spared it: they gain later steps 1 %, and the first waits longer for memory.
inline void AskForLargePages(TF_Tensor* made) {
  constexpr size_t kLeast = 8 << 20;
  if (TF_TensorByteSize(made) >= kLeast) AskForLargePages(TF_TensorData(made), TF_TensorByteSize(made));
}

inline TF_Tensor* Output(TF_OpKernelContext* context, int index, const std::vector<int64_t>& shape) {
  Status status;
  size_t count = 1;
  for (const int64_t size : shape) count *= size;
  const TF_DataType type = TF_ExpectedOutputDataType(context, index);
  TF_Tensor* tensor = TF_AllocateOutput(context, index, type, shape.data(),
                                        static_cast<int>(shape.size()),
                                        count * TF_DataTypeSize(type), status);
  status.Check();
  AskForLargePages(tensor);
  return tensor;
}

// The tensor of a list of none or one.
class OptionalTensor {
 public:
  // Null where it is not there.
  template <typename T>
  T* data() const {
    return tensor_ == nullptr ? nullptr : tensor_->template data<T>();
  }

 protected:
  explicit OptionalTensor(TF_Tensor* tensor) : tensor_(tensor == nullptr ? nullptr : new Tensor(tensor)) {}
  const std::unique_ptr<Tensor> tensor_;
};

// The one input of a list of `count`, 0 or 1, that begins at `index`.
class OptionalInput : public OptionalTensor {
 public:
  OptionalInput(TF_OpKernelContext* context, int index, int count)
      : OptionalTensor(count > 0 ? Input(context, index) : nullptr) {}
  // Throws where it is there and of another shape.
  void Require(const std::vector<int64_t>& shape, const char* what) const {
    if (tensor_ != nullptr && tensor_->shape() != shape) throw std::runtime_error(what);
  }
};

// The one output of a list of `count`, 0 or 1, that begins at `index`.
class OptionalOutput : public OptionalTensor {
 public:
  OptionalOutput(TF_OpKernelContext* context, int index, int count, const std::vector<int64_t>& shape)
      : OptionalTensor(count > 0 ? Output(context, index, shape) : nullptr) {}
  template <typename T>
  void Fill(T value) const {
    if (tensor_ != nullptr) std::fill_n(data<T>(), tensor_->size(), value);
  }
};

// What a kernel adds to its result.
class Addend : public OptionalInput {
 public:
  Addend(TF_OpKernelContext* context, int index, int count, const Tensor& result)
      : OptionalInput(context, index, count) {
    Require(result.shape(), "what is added must have the result's shape");
  }
};

// An input's shape, without keeping the input.
inline std::vector<int64_t> InputShape(TF_OpKernelContext* context, int index) {
  return Tensor(Input(context, index)).shape();
}

// As Output, in the memory of one of the `candidates` among the inputs where nothing else needs it.
// Must be asked for before the inputs are.
inline TF_Tensor* OutputInPlace(TF_OpKernelContext* context, int index,
                                std::initializer_list<int> candidates,
                                const std::vector<int64_t>& shape) {
  Status status;
  int forwarded = -1;
  TF_Tensor* tensor = TF_ForwardInputOrAllocateOutput(
      context, candidates.begin(), static_cast<int>(candidates.size()), index, shape.data(),
      static_cast<int>(shape.size()), &forwarded, status);
  status.Check();
  if (forwarded < 0) AskForLargePages(tensor);
  return tensor;
}

inline int32_t IntAttr(TF_OpKernelConstruction* construction, const char* name) {
  Status status;
  int32_t value = 0;
  TF_OpKernelConstruction_GetAttrInt32(construction, name, &value, status);
  status.Check();
  return value;
}

inline float FloatAttr(TF_OpKernelConstruction* construction, const char* name) {
  Status status;
  float value = 0;
  TF_OpKernelConstruction_GetAttrFloat(construction, name, &value, status);
  status.Check();
  return value;
}

// Declares an operation. Specifications are as in tensorflow/core/framework/op_def_builder.h.
void DefineOp(const char* name, std::initializer_list<const char*> attrs,
              std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
              void (*infer_shapes)(TF_ShapeInferenceContext*, TF_Status*));

// Makes the one output a scalar; leaves the outputs' shapes unknown.
void InferScalar(TF_ShapeInferenceContext* context, TF_Status* status);
void InferNothing(TF_ShapeInferenceContext* context, TF_Status* status);

// Sets an output's shape to that of an input, or to dimensions `begin` to `end` of it.
void InferSameShape(TF_ShapeInferenceContext* context, int output, int input, TF_Status* status);
void InferPartOfShape(TF_ShapeInferenceContext* context, int output, int input, int64_t begin,
                      int64_t end, TF_Status* status);

// Registers Kernel, a class with a constructor of TF_OpKernelConstruction* and
// Compute(TF_OpKernelContext*), for an operation on the CPU whose attribute `attr` is `type`.
template <typename Kernel>
void DefineKernel(const char* op, const char* attr, TF_DataType type) {
  auto create = [](TF_OpKernelConstruction* construction) -> void* {
    try {
      return new Kernel(construction);
    } catch (const std::exception& error) {
      Status status;
      TF_SetStatus(status, TF_INVALID_ARGUMENT, error.what());
      TF_OpKernelConstruction_Failure(construction, status);
      return nullptr;
    }
  };
  auto compute = [](void* kernel, TF_OpKernelContext* context) {
    try {
      static_cast<Kernel*>(kernel)->Compute(context);
    } catch (const std::exception& error) {
      Status status;
      TF_SetStatus(status, TF_INVALID_ARGUMENT, error.what());
      TF_OpKernelContext_Failure(context, status);
    }
  };
  auto destroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  Status status;
  TF_KernelBuilder* builder = TF_NewKernelBuilder(op, "CPU", create, compute, destroy);
  if (attr != nullptr) TF_KernelBuilder_TypeConstraint(builder, attr, type, status);
  status.Check();
  TF_RegisterKernelBuilder((std::string(op) + "Kernel").c_str(), builder, status);
  status.Check();
}

}  // namespace bit
