#include "loop.h"

#include "../status_name.h"

namespace bit_pjrt {

using Work = std::function<void(napi_env)>;

void Loop::Make(napi_env env) {
  auto loop = std::make_shared<Loop>();
  napi_value name = nullptr;
  napi_create_string_utf8(env, "bit_pjrt", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(
      env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
      [](napi_env env, napi_value, void*, void* data) {
        const std::unique_ptr<Work> work(static_cast<Work*>(data));
        if (env != nullptr) (*work)(env);
      },
      &loop->function_);
  napi_unref_threadsafe_function(env, loop->function_);
  auto* const held = new std::shared_ptr<Loop>(loop);
  napi_set_instance_data(
      env, held, [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Loop>*>(data); },
      nullptr);
  // Hooks run in the reverse order: this one before the function's own, after which nobody may call it.
  napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<Loop*>(data)->End(); }, loop.get());
}

std::shared_ptr<Loop> Loop::Of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<std::shared_ptr<Loop>*>(data);
}

void Loop::Post(Work work) {
  auto data = std::make_unique<Work>(std::move(work));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) return;
  if (napi_call_threadsafe_function(function_, data.get(), napi_tsfn_nonblocking) == napi_ok)
    data.release();
}

void Loop::Await(napi_env env) {
  if (awaited_++ == 0) napi_ref_threadsafe_function(env, function_);
}

void Loop::Settled(napi_env env) {
  if (--awaited_ == 0) napi_unref_threadsafe_function(env, function_);
}

bool Loop::BeginUse() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) return false;
  uses_++;
  return true;
}

void Loop::EndUse() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (--uses_ == 0) unused_.notify_all();
}

void Loop::End() {
  std::unique_lock<std::mutex> lock(mutex_);
  ended_ = true;
  unused_.wait(lock, [this] { return uses_ == 0; });
}

napi_value ErrorOf(napi_env env, const Failure& failure) {
  napi_value code = nullptr, message = nullptr, error = nullptr;
  napi_create_string_utf8(env, bit::StatusName(failure.code), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, failure.message.data(), failure.message.size(), &message);
  napi_create_error(env, code, message, &error);
  return error;
}

Promise::Promise(napi_env env) : loop_(Loop::Of(env)) {
  napi_create_promise(env, &deferred_, &value_);
  loop_->Await(env);
}

void Promise::Resolve(std::function<napi_value(napi_env)> make) const {
  loop_->Post([loop = loop_, deferred = deferred_, make = std::move(make)](napi_env env) {
    loop->Settled(env);
    napi_value value = nullptr, error = nullptr;
    try {
      value = make(env);
    } catch (const Failure& failure) {
      error = ErrorOf(env, failure);
    }
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (pending) napi_get_and_clear_last_exception(env, &error);
    if (error != nullptr || value == nullptr)
      napi_reject_deferred(env, deferred, error != nullptr ? error : ErrorOf(env, {PJRT_Error_Code_INTERNAL, "no value was made"}));
    else
      napi_resolve_deferred(env, deferred, value);
  });
}

void Promise::Reject(Failure failure) const {
  Resolve([failure = std::move(failure)](napi_env) -> napi_value { throw failure; });
}

}  // namespace bit_pjrt
