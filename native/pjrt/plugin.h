// A PJRT plugin: its functions, which of them it has, and its errors. The C API grows at the ends of its
// structures, so that each one that is passed says how large the caller knows it to be, and the plugin's
// table of functions says how many there are.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "xla/pjrt/c/pjrt_c_api.h"

namespace bit_pjrt {

// What a plugin refused or failed to do, or what this addon found wrong before it asked.
struct Failure {
  PJRT_Error_Code code;
  std::string message;
};

class Plugin {
 public:
  // Loads and initializes a plugin's library, once a process; it stays loaded.
  static const Plugin& Open(const std::string& path);

  // Calls a function of the plugin; throws Failure where it lacks it or reports an error.
  template <class Args>
  void Call(PJRT_Error* (*PJRT_Api::*function)(Args*), const char* name, Args* args) const {
    Check(Find(function, name)(args));
  }

  // Takes the error; throws it as a Failure unless it is null.
  void Check(PJRT_Error* error) const;
  std::optional<Failure> Take(PJRT_Error* error) const;

  // The version of the API, such as 0.115.
  std::string ApiVersion() const;

 private:
  explicit Plugin(const PJRT_Api* api) : api_(api) {}

  template <class Function>
  Function Find(Function PJRT_Api::*function, const char* name) const {
    const char* const start = reinterpret_cast<const char*>(api_);
    const char* const end = reinterpret_cast<const char*>(&(api_->*function) + 1);
    if (static_cast<size_t>(end - start) > api_->struct_size || api_->*function == nullptr)
      Lacks(name);
    return api_->*function;
  }
  [[noreturn]] void Lacks(const char* name) const;

  const PJRT_Api* const api_;
};

// The arguments of a function, all zero.
#define BIT_PJRT_ARGS(function, args) \
  function##_Args args{};             \
  args.struct_size = function##_Args_STRUCT_SIZE

// Calls a function of the plugin by its name.
#define BIT_PJRT_CALL(plugin, function, args) (plugin).Call(&PJRT_Api::function, #function, &(args))

// Calls `done` once an event has come, from whichever thread it comes, with the failure that it carries.
// The event is consumed; a null one has come already.
void WhenReady(const Plugin& plugin, PJRT_Event* event,
               std::function<void(std::optional<Failure>)> done);

}  // namespace bit_pjrt
