// What belongs to the process, and Node keeps from its threads or does not give at all: the environment
// as native code reads it, standard error, and how long a library stays loaded.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace {

// Over all of this: several threads may load the engine at once.
std::mutex mutex;

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return "";
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

napi_value Argument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  return argument;
}

// setVariables({name: value}): sets variables of the process's environment, of which a thread of Node
// has only a copy. Only the first call does, since what the library has read lasts; a later one changes
// nothing. Returns the names of those that have another value.
napi_value SetVariables(napi_env env, napi_callback_info info) {
  const std::lock_guard<std::mutex> lock(mutex);
  static bool set = false;
  const napi_value variables = Argument(env, info);
  napi_value names = nullptr, others = nullptr;
  uint32_t count = 0, other_count = 0;
  napi_create_array(env, &others);
  if (napi_get_property_names(env, variables, &names) != napi_ok) return nullptr;
  napi_get_array_length(env, names, &count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value name = nullptr, value = nullptr;
    napi_get_element(env, names, i, &name);
    napi_get_property(env, variables, name, &value);
    const std::string key = Text(env, name), wanted = Text(env, value);
    if (!set) setenv(key.c_str(), wanted.c_str(), 1);
    const char* now = getenv(key.c_str());
    if (now == nullptr || wanted != now) napi_set_element(env, others, other_count++, name);
  }
  set = true;
  return others;
}

int saved_stderr = -1;
int closed_count = 0;

// closeStderr(): from here on standard error leads nowhere, until as many calls of openStderr.
// TensorFlow's static initializers write lines to it while the library is loaded, before any setting
// of its log level counts.
napi_value CloseStderr(napi_env, napi_callback_info) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (closed_count++ > 0) return nullptr;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere == -1) return nullptr;
  saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved_stderr != -1) dup2(nowhere, STDERR_FILENO);
  close(nowhere);
  return nullptr;
}

// openStderr(): standard error is again what it was.
napi_value OpenStderr(napi_env, napi_callback_info) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (--closed_count > 0 || saved_stderr == -1) return nullptr;
  dup2(saved_stderr, STDERR_FILENO);
  close(saved_stderr);
  saved_stderr = -1;
  return nullptr;
}

// keepLoaded(path): a library that is loaded stays so. Node unloads a thread's addons when it ends,
// while threads of TensorFlow's own run on in their code.
napi_value KeepLoaded(napi_env env, napi_callback_info info) {
  dlopen(Text(env, Argument(env, info)).c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  return nullptr;
}

napi_value Init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"setVariables", nullptr, SetVariables, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"closeStderr", nullptr, CloseStderr, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"openStderr", nullptr, OpenStderr, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"keepLoaded", nullptr, KeepLoaded, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, 4, functions);
  return exports;
}

}  // namespace

NAPI_MODULE(bit_process, Init)
