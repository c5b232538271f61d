// JavaScript's values to and from C++'s. What is wrong with them is a bug of the caller, our TypeScript, and
// thrown as a Failure.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "plugin.h"

namespace bit_pjrt {

// Throws Failure unless the call was good.
void Ok(napi_status status);

std::string Text(napi_env env, napi_value value);
// Of a string that has a byte in each character.
std::string BytesOf(napi_env env, napi_value value);
double Number(napi_env env, napi_value value);
std::vector<napi_value> List(napi_env env, napi_value value);
std::vector<int64_t> Integers(napi_env env, napi_value value);

struct Bytes {
  void* data;
  size_t size;
};
// The memory of a typed array, which must not be moved to another thread while it is used.
Bytes Memory(napi_env env, napi_value view);
std::string Copy(napi_env env, napi_value view);

// Options of a client or a topology: [[name, string | boolean | number | number[]], ...]. A number that is
// whole is an integer unless the pair has a third element, "float".
class NamedValues {
 public:
  NamedValues(napi_env env, napi_value pairs);
  const std::vector<PJRT_NamedValue>& values() const { return values_; }

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<int64_t>> lists_;
  std::vector<PJRT_NamedValue> values_;
};

napi_value Of(napi_env env, const std::string& text);
napi_value Of(napi_env env, double number);
napi_value Of(napi_env env, const std::vector<int64_t>& numbers);
// A Uint8Array over memory that `owner` keeps.
napi_value View(napi_env env, void* data, size_t size, std::shared_ptr<void> owner);
napi_value Array(napi_env env, const std::vector<napi_value>& elements);
napi_value Object(napi_env env,
                  const std::vector<std::pair<const char*, napi_value>>& properties);

}  // namespace bit_pjrt
