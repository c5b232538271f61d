// What the processes of a cluster leave for each other under names, as a plugin asks for it: its client's
// options, NCCL's ids. A function of JavaScript's keeps it; a plugin calls from threads of its own, which wait
// here until Node's thread has answered.
#pragma once

#include <node_api.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "loop.h"
#include "plugin.h"

namespace bit_pjrt {

class KeyValues {
 public:
  // `ask` is called on Node's thread as ask(operation, key, value, answer): operation is "get", which waits,
  // "find", which does not, or "put". It calls answer(value), answer(null) where there is none, or
  // answer(null, why) where it failed, once, then or later. Keys and values are bytes, a character each.
  KeyValues(napi_env env, napi_value ask);
  ~KeyValues();
  KeyValues(const KeyValues&) = delete;
  KeyValues& operator=(const KeyValues&) = delete;

  // Has a client that is created with these arguments ask here, for as long as this exists.
  void GiveTo(PJRT_Client_Create_Args* args);

 private:
  using Wait = std::optional<std::chrono::milliseconds>;

  // The value, or nothing where there is none. Throws Failure where Node's thread has ended, where the answer
  // is a failure, and after `wait`; without it, after a minute.
  std::optional<std::string> Ask(const char* operation, std::string key, std::string value,
                                 Wait wait);

  template <class Args>
  static void Give(Args* args, std::string value);
  template <class Args, class Work>
  static PJRT_Error* Answering(Args* args, Work work);

  static PJRT_Error* Get(PJRT_KeyValueGetCallback_Args* args);
  static PJRT_Error* Find(PJRT_KeyValueTryGetCallback_Args* args);
  static PJRT_Error* Put(PJRT_KeyValuePutCallback_Args* args);

  const std::shared_ptr<Loop> loop_;
  napi_ref ask_ = nullptr;
};

}  // namespace bit_pjrt
