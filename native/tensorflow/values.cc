#include "values.h"

#include <tensorflow/c/tf_tensor.h>
#include <tensorflow/c/tf_tstring.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "../status_name.h"

namespace bit {
namespace {

// Up to so much is copied on JavaScript's thread: less work than keeping hold of it.
constexpr size_t kSmallBytes = 64 << 10;

size_t ElementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

napi_typedarray_type ArrayTypeOf(TF_DataType type) {
  switch (type) {
    case TF_FLOAT:
      return napi_float32_array;
    case TF_INT32:
      return napi_int32_array;
    case TF_INT64:
      return napi_bigint64_array;
    case TF_HALF:
    case TF_BFLOAT16:
      return napi_uint16_array;
    case TF_UINT8:
    case TF_BOOL:
      return napi_uint8_array;
    default:
      throw Misuse("TensorFlow's element type " + std::to_string(type) + " has no typed array");
  }
}

std::vector<int64_t> Dims(napi_env env, napi_value shape) {
  std::vector<int64_t> dims(Length(env, shape));
  for (uint32_t i = 0; i < dims.size(); i++)
    Check(napi_get_value_int64(env, At(env, shape, i), &dims[i]), "a dimension");
  return dims;
}

// Throws where a tensor cannot have such a shape.
size_t Count(const std::vector<int64_t>& dims, size_t element_bytes) {
  size_t count = 1;
  for (const int64_t dim : dims) {
    if (dim < 0) throw Misuse("a dimension is negative");
    if (dim > 0 && count > std::numeric_limits<int64_t>::max() / element_bytes / dim)
      throw Misuse("a shape is too large");
    count *= dim;
  }
  return count;
}

void RequireSize(size_t got, size_t expected, const char* what) {
  if (got != expected)
    throw Misuse("a feed has " + std::to_string(got) + what + ", its shape " +
                 std::to_string(expected));
}

void DeleteStrings(void* data, size_t bytes, void*) {
  auto* const strings = static_cast<TF_TString*>(data);
  for (size_t i = 0; i < bytes / sizeof(TF_TString); i++) TF_StringDealloc(&strings[i]);
  std::free(data);
}

Feed Strings(napi_env env, const std::vector<int64_t>& dims, napi_value list) {
  const size_t count = Count(dims, sizeof(TF_TString));
  RequireSize(Length(env, list), count, " strings");
  const size_t bytes = count * sizeof(TF_TString);
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, bytes > 0 ? bytes : 64) != 0) throw std::bad_alloc();
  auto* const strings = static_cast<TF_TString*>(memory);
  for (size_t i = 0; i < count; i++) TF_StringInit(&strings[i]);
  Feed feed;
  feed.tensor.reset(TF_NewTensor(TF_STRING, dims.data(), static_cast<int>(dims.size()), memory,
                                 bytes, DeleteStrings, nullptr));
  for (size_t i = 0; i < count; i++) {
    const Bytes one = BytesOf(env, At(env, list, static_cast<uint32_t>(i)));
    TF_StringCopy(&strings[i], static_cast<const char*>(one.data), one.size);
  }
  return feed;
}

napi_value Array(napi_env env, const void* data, size_t bytes) {
  void* copy = nullptr;
  napi_value buffer = nullptr;
  Check(napi_create_arraybuffer(env, bytes, &copy, &buffer), "memory for a result");
  if (bytes > 0) std::memcpy(copy, data, bytes);
  return buffer;
}

napi_value StringsOf(napi_env env, TF_Tensor* tensor) {
  const auto* const strings = static_cast<const TF_TString*>(TF_TensorData(tensor));
  const auto count = static_cast<uint32_t>(TF_TensorElementCount(tensor));
  napi_value list = nullptr;
  Check(napi_create_array_with_length(env, count, &list), "memory for a result");
  for (uint32_t i = 0; i < count; i++) {
    const size_t bytes = TF_StringGetSize(&strings[i]);
    napi_value one = nullptr;
    Check(napi_create_typedarray(env, napi_uint8_array, bytes,
                                 Array(env, TF_StringGetDataPointer(&strings[i]), bytes), 0, &one),
          "memory for a result");
    napi_set_element(env, list, i, one);
  }
  return list;
}

// An ArrayBuffer with the tensor's values: the tensor's memory itself, given back when JavaScript has
// no more use for it. V8 counts it as its own.
napi_value BufferOf(napi_env env, OwnedTensor tensor) {
  void* const data = TF_TensorData(tensor.get());
  const size_t bytes = TF_TensorByteSize(tensor.get());
  if (bytes <= kSmallBytes) return Array(env, data, bytes);
  napi_value buffer = nullptr;
  auto release = [](napi_env, void*, void* held) { TF_DeleteTensor(static_cast<TF_Tensor*>(held)); };
  const napi_status status =
      napi_create_external_arraybuffer(env, data, bytes, release, tensor.get(), &buffer);
  // Some builds of V8 have no memory but their own.
  if (status == napi_no_external_buffers_allowed) return Array(env, data, bytes);
  tensor.release();
  Check(status, "memory for a result");
  return buffer;
}

}  // namespace

void Check(napi_status status, const char* what) {
  if (status != napi_ok) throw Misuse(std::string("not as expected: ") + what);
}

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  Check(napi_get_value_string_utf8(env, value, nullptr, 0, &length), "a name");
  std::string text(length, '\0');
  Check(napi_get_value_string_utf8(env, value, text.data(), length + 1, &length), "a name");
  return text;
}

uint32_t Length(napi_env env, napi_value array) {
  uint32_t length = 0;
  Check(napi_get_array_length(env, array, &length), "an array");
  return length;
}

napi_value At(napi_env env, napi_value array, uint32_t index) {
  napi_value element = nullptr;
  Check(napi_get_element(env, array, index, &element), "an array");
  return element;
}

Bytes BytesOf(napi_env env, napi_value typed_array) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  Check(napi_get_typedarray_info(env, typed_array, &type, &length, &data, nullptr, nullptr),
        "a typed array");
  return {data, length * ElementBytes(type), type};
}

Feed FeedOf(napi_env env, TF_DataType type, napi_value shape, napi_value data) {
  const std::vector<int64_t> dims = Dims(env, shape);
  if (type == TF_STRING) return Strings(env, dims, data);
  const napi_typedarray_type array_type = ArrayTypeOf(type);
  const size_t size = Count(dims, ElementBytes(array_type)) * ElementBytes(array_type);
  const Bytes bytes = BytesOf(env, data);
  if (bytes.type != array_type) throw Misuse("a feed's array is of another type than the feed");
  RequireSize(bytes.size, size, " bytes");
  Feed feed;
  feed.tensor.reset(TF_AllocateTensor(type, dims.data(), static_cast<int>(dims.size()), size));
  if (feed.tensor == nullptr || (size > 0 && TF_TensorData(feed.tensor.get()) == nullptr))
    throw TensorflowError(TF_RESOURCE_EXHAUSTED,
                          "OOM when allocating " + std::to_string(size) + " bytes for a feed");
  if (size > kSmallBytes)
    feed.bytes = bytes;
  else if (size > 0)
    std::memcpy(TF_TensorData(feed.tensor.get()), bytes.data, size);
  return feed;
}

napi_value ResultOf(napi_env env, OwnedTensor tensor) {
  const TF_DataType tensor_type = TF_TensorType(tensor.get());
  napi_value result = nullptr, type = nullptr, shape = nullptr, data = nullptr;
  Check(napi_create_object(env, &result), "memory for a result");
  Check(napi_create_int32(env, tensor_type, &type), "memory for a result");
  Check(napi_create_array(env, &shape), "memory for a result");
  for (int i = 0; i < TF_NumDims(tensor.get()); i++) {
    napi_value dim = nullptr;
    Check(napi_create_int64(env, TF_Dim(tensor.get(), i), &dim), "memory for a result");
    napi_set_element(env, shape, i, dim);
  }
  if (tensor_type == TF_STRING) {
    data = StringsOf(env, tensor.get());
  } else {
    const napi_typedarray_type array_type = ArrayTypeOf(tensor_type);
    const size_t length = TF_TensorByteSize(tensor.get()) / ElementBytes(array_type);
    napi_value buffer = BufferOf(env, std::move(tensor));
    Check(napi_create_typedarray(env, array_type, length, buffer, 0, &data), "memory for a result");
  }
  napi_set_named_property(env, result, "type", type);
  napi_set_named_property(env, result, "shape", shape);
  napi_set_named_property(env, result, "data", data);
  return result;
}

napi_value ErrorOf(napi_env env, TF_Code code, const std::string& message) {
  napi_value name = nullptr, text = nullptr, error = nullptr;
  napi_create_string_utf8(env, StatusName(code), NAPI_AUTO_LENGTH, &name);
  napi_create_string_utf8(env, message.data(), message.size(), &text);
  napi_create_error(env, name, text, &error);
  return error;
}

}  // namespace bit
