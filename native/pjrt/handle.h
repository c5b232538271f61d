// What JavaScript holds of clients, values and programs, and the promises of what is made for it.
#pragma once

#include <node_api.h>

#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "buffer.h"
#include "busy.h"
#include "client.h"
#include "loop.h"
#include "program.h"
#include "values.h"

namespace bit_pjrt {

// A client, a value or a program: freed with what JavaScript holds, or before by drop or close.
struct Handle {
  enum Kind { kClient, kBuffer, kProgram, kExecutable } kind;
  std::shared_ptr<void> target;
};

template <class T>
constexpr Handle::Kind kKind;
template <>
constexpr Handle::Kind kKind<Client> = Handle::kClient;
template <>
constexpr Handle::Kind kKind<Buffer> = Handle::kBuffer;
template <>
constexpr Handle::Kind kKind<Program> = Handle::kProgram;
template <>
constexpr Handle::Kind kKind<Executable> = Handle::kExecutable;

inline void Forget(Handle& handle) {
  if (handle.kind == Handle::kClient && handle.target != nullptr)
    std::static_pointer_cast<Client>(handle.target)->Close();
  handle.target.reset();
}

template <class T>
napi_value Hold(napi_env env, std::shared_ptr<T> target) {
  auto handle = std::make_unique<Handle>(Handle{kKind<T>, std::move(target)});
  napi_value value = nullptr;
  Ok(napi_create_external(
      env, handle.get(),
      [](napi_env, void* data, void*) {
        const std::unique_ptr<Handle> handle(static_cast<Handle*>(data));
        Forget(*handle);
      },
      nullptr, &value));
  handle.release();
  return value;
}

inline Handle& HandleOf(napi_env env, napi_value value) {
  void* data = nullptr;
  Ok(napi_get_value_external(env, value, &data));
  return *static_cast<Handle*>(data);
}

template <class T>
std::shared_ptr<T> Target(napi_env env, napi_value value) {
  const Handle& handle = HandleOf(env, value);
  if (handle.kind != kKind<T>) Ok(napi_invalid_arg);
  if (handle.target == nullptr)
    throw Failure{PJRT_Error_Code_FAILED_PRECONDITION, "it was dropped or closed"};
  return std::static_pointer_cast<T>(handle.target);
}

// Settles the promise with what `work` makes, or with its failure, on another thread.
template <class Work>
auto Settling(const Promise& promise, Work work) {
  return [promise, work = std::move(work)]() mutable {
    try {
      work(promise);
    } catch (Failure& failure) {
      promise.Reject(std::move(failure));
    } catch (const std::bad_alloc&) {
      promise.Reject({PJRT_Error_Code_RESOURCE_EXHAUSTED, "the host's memory is exhausted"});
    } catch (const std::exception& error) {
      promise.Reject({PJRT_Error_Code_INTERNAL, error.what()});
    }
  };
}

// A promise of what `work` makes on a thread of its own.
template <class Work>
napi_value OnThread(napi_env env, Work work) {
  const Promise promise(env);
  try {
    InBackground(Settling(promise, std::move(work)));
  } catch (const Failure& failure) {
    promise.Reject(failure);
  }
  return promise.value();
}

}  // namespace bit_pjrt
