// Between JavaScript's values and TensorFlow's.
#pragma once
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "session.h"

namespace bit {

// A call that was wrong, whatever TensorFlow would say of it.
struct Misuse : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws Misuse where N-API refuses a value.
void Check(napi_status status, const char* what);

std::string Text(napi_env env, napi_value value);
uint32_t Length(napi_env env, napi_value array);
napi_value At(napi_env env, napi_value array, uint32_t index);

struct Bytes {
  const void* data;
  size_t size;
  napi_typedarray_type type;
};
// The bytes of a typed array, where they lie.
Bytes BytesOf(napi_env env, napi_value typed_array);

// What is fed: a tensor, and where its bytes are to be copied from on another thread; none where they
// have been already. JavaScript's own memory never goes in: TensorFlow would give it back whenever, on
// any thread, and takes only what is aligned as JavaScript's seldom is.
struct Feed {
  OwnedTensor tensor;
  Bytes bytes = {};
};

// `data`: a typed array of as many bytes as `shape` has, or of strings an array of Uint8Arrays.
Feed FeedOf(napi_env env, TF_DataType type, napi_value shape, napi_value data);

// {type, shape, data} of a result, which `data` owns from here on.
napi_value ResultOf(napi_env env, OwnedTensor tensor);

// An Error with a code, such as RESOURCE_EXHAUSTED.
napi_value ErrorOf(napi_env env, TF_Code code, const std::string& message);

}  // namespace bit
