#include "functions.h"

#include "handle.h"

namespace bit_pjrt {
namespace {

napi_value DeviceOf(napi_env env, const Plugin& plugin, PJRT_Device* device) {
  BIT_PJRT_ARGS(PJRT_Device_GetDescription, description);
  description.device = device;
  BIT_PJRT_CALL(plugin, PJRT_Device_GetDescription, description);
  BIT_PJRT_ARGS(PJRT_DeviceDescription_Id, id);
  id.device_description = description.device_description;
  BIT_PJRT_CALL(plugin, PJRT_DeviceDescription_Id, id);
  BIT_PJRT_ARGS(PJRT_DeviceDescription_Kind, kind);
  kind.device_description = description.device_description;
  BIT_PJRT_CALL(plugin, PJRT_DeviceDescription_Kind, kind);
  std::vector<std::pair<const char*, napi_value>> properties{
      {"id", Of(env, static_cast<double>(id.id))},
      {"kind", Of(env, std::string(kind.device_kind, kind.device_kind_size))}};
  try {
    BIT_PJRT_ARGS(PJRT_Device_MemoryStats, stats);
    stats.device = device;
    BIT_PJRT_CALL(plugin, PJRT_Device_MemoryStats, stats);
    if (stats.bytes_limit_is_set)
      properties.emplace_back("memoryBytes", Of(env, static_cast<double>(stats.bytes_limit)));
  } catch (const Failure&) {
    // Not every plugin knows.
  }
  return Object(env, properties);
}

}  // namespace

napi_value Open(napi_env env, const Arguments& a) {
  const NamedValues options(env, a[1]);
  return Hold(env, Client::Open(Plugin::Open(Text(env, a[0])), options.values()));
}

napi_value OpenTogether(napi_env env, const Arguments& a) {
  const auto options = std::make_shared<NamedValues>(env, a[1]);
  const auto key_values = std::make_shared<KeyValues>(env, a[2]);
  return OnThread(env, [path = Text(env, a[0]), options, key_values](const Promise& promise) {
    auto client = Client::Open(Plugin::Open(path), options->values(), key_values);
    promise.Resolve([client](napi_env env) { return Hold(env, client); });
  });
}

napi_value Describe(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  BIT_PJRT_ARGS(PJRT_Client_PlatformName, name);
  name.client = client->handle();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_PlatformName, name);
  BIT_PJRT_ARGS(PJRT_Client_PlatformVersion, version);
  version.client = client->handle();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_PlatformVersion, version);
  BIT_PJRT_ARGS(PJRT_Client_ProcessIndex, process);
  process.client = client->handle();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_ProcessIndex, process);
  std::vector<napi_value> devices;
  for (PJRT_Device* const device : client->devices())
    devices.push_back(DeviceOf(env, client->plugin(), device));
  return Object(
      env, {{"platform", Of(env, std::string(name.platform_name, name.platform_name_size))},
            {"version", Of(env, std::string(version.platform_version, version.platform_version_size))},
            {"api", Of(env, client->plugin().ApiVersion())},
            {"process", Of(env, static_cast<double>(process.process_index))},
            {"devices", Array(env, devices)}});
}

napi_value CompileProgram(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  client->CheckOpen();
  const auto use = std::make_shared<Client::Use>(client);
  return OnThread(env, [client, use, mlir = Text(env, a[1]),
                                  options = Copy(env, a[2])](const Promise& promise) mutable {
    promise.Resolve([program = Compile(client, std::move(mlir), options)](napi_env env) {
      return Hold(env, program);
    });
  });
}

napi_value LoadProgram(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  client->CheckOpen();
  const auto use = std::make_shared<Client::Use>(client);
  return OnThread(env, [client, use, serialized = Copy(env, a[1]),
                                  options = Copy(env, a[2])](const Promise& promise) {
    promise.Resolve(
        [program = Load(client, serialized, options)](napi_env env) { return Hold(env, program); });
  });
}

}  // namespace bit_pjrt
