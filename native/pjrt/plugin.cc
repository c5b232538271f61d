#include "plugin.h"

#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>

#include "busy.h"

namespace bit_pjrt {

const Plugin& Plugin::Open(const std::string& path) {
  static std::mutex mutex;
  static auto* const opened = new std::map<std::string, std::unique_ptr<Plugin>>;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = opened->find(path);
  if (found != opened->end()) return *found->second;
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) throw Failure{PJRT_Error_Code_NOT_FOUND, dlerror()};
  const auto get_api = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(library, "GetPjrtApi"));
  if (get_api == nullptr)
    throw Failure{PJRT_Error_Code_INVALID_ARGUMENT, path + " is not a PJRT plugin: it has no GetPjrtApi"};
  std::unique_ptr<Plugin> plugin(new Plugin(get_api()));
  if (plugin->api_->pjrt_api_version.major_version != PJRT_API_MAJOR)
    throw Failure{PJRT_Error_Code_UNIMPLEMENTED,
                  "the plugin's API is PJRT " + plugin->ApiVersion() + ", not " +
                      std::to_string(PJRT_API_MAJOR) + ".x"};
  BIT_PJRT_ARGS(PJRT_Plugin_Initialize, args);
  BIT_PJRT_CALL(*plugin, PJRT_Plugin_Initialize, args);
  // After the library's own destructors were registered, so that it comes before them.
  LeaveAtOnceIfBusy();
  return *opened->emplace(path, std::move(plugin)).first->second;
}

std::string Plugin::ApiVersion() const {
  const PJRT_Api_Version& version = api_->pjrt_api_version;
  return std::to_string(version.major_version) + "." + std::to_string(version.minor_version);
}

void Plugin::Lacks(const char* name) const {
  throw Failure{PJRT_Error_Code_UNIMPLEMENTED,
                "the plugin, of PJRT " + ApiVersion() + ", has no " + name};
}

std::optional<Failure> Plugin::Take(PJRT_Error* error) const {
  if (error == nullptr) return std::nullopt;
  BIT_PJRT_ARGS(PJRT_Error_Message, message);
  message.error = error;
  api_->PJRT_Error_Message(&message);
  BIT_PJRT_ARGS(PJRT_Error_GetCode, code);
  code.error = error;
  PJRT_Error* const second = api_->PJRT_Error_GetCode(&code);
  Failure failure{second == nullptr ? code.code : PJRT_Error_Code_UNKNOWN,
                  std::string(message.message, message.message_size)};
  for (PJRT_Error* const each : {error, second}) {
    BIT_PJRT_ARGS(PJRT_Error_Destroy, destroy);
    destroy.error = each;
    if (each != nullptr) api_->PJRT_Error_Destroy(&destroy);
  }
  return failure;
}

void Plugin::Check(PJRT_Error* error) const {
  if (std::optional<Failure> failure = Take(error)) throw *std::move(failure);
}

namespace {

struct Waiting {
  const Plugin& plugin;
  PJRT_Event* const event;
  const std::function<void(std::optional<Failure>)> done;

  ~Waiting() {
    BIT_PJRT_ARGS(PJRT_Event_Destroy, args);
    args.event = event;
    try {
      BIT_PJRT_CALL(plugin, PJRT_Event_Destroy, args);
    } catch (const Failure&) {
      // Nobody can do anything about it.
    }
  }
};

}  // namespace

void WhenReady(const Plugin& plugin, PJRT_Event* event,
               std::function<void(std::optional<Failure>)> done) {
  if (event == nullptr) return done(std::nullopt);
  std::unique_ptr<Waiting> waiting(new Waiting{plugin, event, std::move(done)});
  BIT_PJRT_ARGS(PJRT_Event_OnReady, args);
  args.event = event;
  args.user_arg = waiting.get();
  args.callback = [](PJRT_Error* error, void* user) {
    const std::unique_ptr<Waiting> waiting(static_cast<Waiting*>(user));
    waiting->done(waiting->plugin.Take(error));
  };
  try {
    BIT_PJRT_CALL(plugin, PJRT_Event_OnReady, args);
    waiting.release();
  } catch (const Failure& failure) {
    waiting->done(failure);
  }
}

}  // namespace bit_pjrt
