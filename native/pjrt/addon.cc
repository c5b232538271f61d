// A PJRT plugin's clients, values and programs for Node: the narrow layer below src/engine/pjrt/, which
// checks what it passes. Whatever takes long is done on other threads, and a promise tells its end.
#include <node_api.h>

#include "functions.h"
#include "handle.h"

namespace bit_pjrt {

napi_value Drop(napi_env env, const Arguments& a) {
  Forget(HandleOf(env, a[0]));
  return nullptr;
}

napi_value PrepareExit(napi_env, const Arguments&) {
  LeaveAtOnceIfBusy();
  return nullptr;
}

namespace {

using Body = napi_value (*)(napi_env, const Arguments&);

template <Body body>
napi_value Call(napi_env env, napi_callback_info info) {
  size_t count = 6;
  Arguments arguments(count);
  napi_get_cb_info(env, info, &count, arguments.data(), nullptr, nullptr);
  try {
    return body(env, arguments);
  } catch (const Failure& failure) {
    napi_throw(env, ErrorOf(env, failure));
  } catch (const std::exception& error) {
    napi_throw(env, ErrorOf(env, {PJRT_Error_Code_INTERNAL, error.what()}));
  }
  return nullptr;
}

template <Body body>
napi_property_descriptor Function(const char* name) {
  return {name, nullptr, Call<body>, nullptr, nullptr, nullptr, napi_default, nullptr};
}

napi_value Init(napi_env env, napi_value exports) {
  Loop::Make(env);
  const napi_property_descriptor functions[] = {
      Function<Open>("open"),
      Function<OpenTogether>("openTogether"),
      Function<Describe>("describe"),
      Function<CompileProgram>("compile"),
      Function<LoadProgram>("load"),
      Function<CompileAheadOf>("compileAhead"),
      Function<DescribeProgram>("programOf"),
      Function<MemoryOf>("memory"),
      Function<Serialize>("serialize"),
      Function<Optimized>("optimized"),
      Function<PutValue>("put"),
      Function<ReadValue>("read"),
      Function<RunProgram>("run"),
      Function<IsGone>("isGone"),
      Function<Drop>("drop"),
      Function<PrepareExit>("prepareExit"),
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}

}  // namespace
}  // namespace bit_pjrt

NAPI_MODULE(bit_pjrt, bit_pjrt::Init)
