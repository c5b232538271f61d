// A plugin whose client is made by several processes together, as CUDA's is, and that has no devices to compute on:
// each process puts what it is, the first one reads all and says how many there are, all on threads of its own.
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "xla/pjrt/c/pjrt_c_api.h"

struct PJRT_Error {
  PJRT_Error_Code code;
  std::string message;
};
struct PJRT_DeviceDescription {
  int id;
  std::string kind;
};
struct PJRT_Device {
  PJRT_DeviceDescription description;
};
struct PJRT_Client {
  int node;
  std::vector<PJRT_Device> devices;
  std::vector<PJRT_Device*> addressable;
  PJRT_Client_Create_Args callbacks;
};

namespace {

PJRT_Error* MakeError(PJRT_Error_Code code, const char* message, size_t size) {
  return new PJRT_Error{code, std::string(message, size)};
}
PJRT_CallbackError callback_error = MakeError;

std::string Get(const PJRT_Client_Create_Args& store, const std::string& key, int timeout,
                PJRT_Error** error) {
  PJRT_KeyValueGetCallback_Args args{};
  args.struct_size = PJRT_KeyValueGetCallback_Args_STRUCT_SIZE;
  args.key = key.data();
  args.key_size = key.size();
  args.timeout_in_ms = timeout;
  args.callback_error = &callback_error;
  args.user_arg = store.kv_get_user_arg;
  if ((*error = store.kv_get_callback(&args)) != nullptr) return "";
  std::string value(args.value, args.value_size);
  args.value_deleter_callback(args.value);
  return value;
}

bool Has(const PJRT_Client_Create_Args& store, const std::string& key) {
  PJRT_KeyValueTryGetCallback_Args args{};
  args.struct_size = PJRT_KeyValueTryGetCallback_Args_STRUCT_SIZE;
  args.key = key.data();
  args.key_size = key.size();
  args.callback_error = &callback_error;
  args.user_arg = store.kv_try_get_user_arg;
  PJRT_Error* const error = store.kv_try_get_callback(&args);
  if (error == nullptr) args.value_deleter_callback(args.value);
  const bool has = error == nullptr;
  delete error;
  return has;
}

PJRT_Error* Put(const PJRT_Client_Create_Args& store, const std::string& key,
                const std::string& value) {
  PJRT_KeyValuePutCallback_Args args{};
  args.struct_size = PJRT_KeyValuePutCallback_Args_STRUCT_SIZE;
  args.key = key.data();
  args.key_size = key.size();
  args.value = value.data();
  args.value_size = value.size();
  args.callback_error = &callback_error;
  args.user_arg = store.kv_put_user_arg;
  return store.kv_put_callback(&args);
}

// Every byte, so that none is lost on the way.
std::string Bytes(int node) {
  std::string bytes(1, static_cast<char>('0' + node));
  for (int i = 0; i < 256; i++) bytes += static_cast<char>(i);
  return bytes;
}

PJRT_Error* Exchange(const PJRT_Client_Create_Args& store, int node, int nodes, int timeout,
                     std::string* found) {
  PJRT_Error* error = nullptr;
  if (Has(store, "never")) return MakeError(PJRT_Error_Code_INTERNAL, "a key", 5);
  if ((error = Put(store, "node/" + std::to_string(node), Bytes(node))) != nullptr) return error;
  if (node == 0) {
    for (int i = 0; i < nodes; i++) {
      const std::string bytes = Get(store, "node/" + std::to_string(i), timeout, &error);
      if (error != nullptr) return error;
      *found += bytes == Bytes(i) ? "whole" : "damaged";
    }
    if ((error = Put(store, "all", *found)) != nullptr) return error;
  }
  *found = Get(store, "all", timeout, &error);
  return error;
}

PJRT_Error* ClientCreate(PJRT_Client_Create_Args* args) {
  std::map<std::string, int64_t> options{{"node_id", 0}, {"num_nodes", 1}, {"timeout", 60000}};
  for (size_t i = 0; i < args->num_options; i++) {
    const PJRT_NamedValue& option = args->create_options[i];
    options[std::string(option.name, option.name_size)] = option.int64_value;
  }
  const int node = options["node_id"], nodes = options["num_nodes"];
  auto* const client = new PJRT_Client{node, {}, {}, *args};
  PJRT_Error* error = nullptr;
  std::string found;
  std::thread([&] {
    error = Exchange(*args, node, nodes, options["timeout"], &found);
  }).join();
  if (error != nullptr) {
    delete client;
    return error;
  }
  for (int i = 0; i < 2; i++) client->devices.push_back({{2 * node + i, found}});
  for (PJRT_Device& device : client->devices) client->addressable.push_back(&device);
  args->client = client;
  return nullptr;
}

// The store is there until the client is destroyed.
PJRT_Error* ClientDestroy(PJRT_Client_Destroy_Args* args) {
  delete args->client;
  return nullptr;
}

}  // namespace

extern "C" const PJRT_Api* GetPjrtApi() {
  static PJRT_Api api{};
  api.struct_size = PJRT_Api_STRUCT_SIZE;
  api.pjrt_api_version.major_version = PJRT_API_MAJOR;
  api.pjrt_api_version.minor_version = PJRT_API_MINOR;
  api.PJRT_Error_Destroy = [](PJRT_Error_Destroy_Args* args) { delete args->error; };
  api.PJRT_Error_Message = [](PJRT_Error_Message_Args* args) {
    args->message = args->error->message.data();
    args->message_size = args->error->message.size();
  };
  api.PJRT_Error_GetCode = [](PJRT_Error_GetCode_Args* args) -> PJRT_Error* {
    args->code = args->error->code;
    return nullptr;
  };
  api.PJRT_Plugin_Initialize = [](PJRT_Plugin_Initialize_Args*) -> PJRT_Error* { return nullptr; };
  api.PJRT_Client_Create = ClientCreate;
  api.PJRT_Client_Destroy = ClientDestroy;
  api.PJRT_Client_PlatformName = [](PJRT_Client_PlatformName_Args* args) -> PJRT_Error* {
    args->platform_name = "fake";
    args->platform_name_size = 4;
    return nullptr;
  };
  api.PJRT_Client_PlatformVersion = [](PJRT_Client_PlatformVersion_Args* args) -> PJRT_Error* {
    args->platform_version = "1";
    args->platform_version_size = 1;
    return nullptr;
  };
  api.PJRT_Client_ProcessIndex = [](PJRT_Client_ProcessIndex_Args* args) -> PJRT_Error* {
    args->process_index = args->client->node;
    return nullptr;
  };
  api.PJRT_Client_AddressableDevices =
      [](PJRT_Client_AddressableDevices_Args* args) -> PJRT_Error* {
    args->addressable_devices = args->client->addressable.data();
    args->num_addressable_devices = args->client->addressable.size();
    return nullptr;
  };
  api.PJRT_Device_GetDescription = [](PJRT_Device_GetDescription_Args* args) -> PJRT_Error* {
    args->device_description = &args->device->description;
    return nullptr;
  };
  api.PJRT_DeviceDescription_Id = [](PJRT_DeviceDescription_Id_Args* args) -> PJRT_Error* {
    args->id = args->device_description->id;
    return nullptr;
  };
  api.PJRT_DeviceDescription_Kind = [](PJRT_DeviceDescription_Kind_Args* args) -> PJRT_Error* {
    args->device_kind = args->device_description->kind.data();
    args->device_kind_size = args->device_description->kind.size();
    return nullptr;
  };
  return &api;
}
