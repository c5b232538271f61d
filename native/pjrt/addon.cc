// A PJRT plugin's clients, values and programs for Node: the narrow layer below src/engine/pjrt/, which
// checks what it passes. Whatever takes long is done on other threads, and a promise tells its end.
#include <node_api.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "buffer.h"
#include "client.h"
#include "loop.h"
#include "program.h"
#include "values.h"

namespace bit_pjrt {
namespace {

using Arguments = std::vector<napi_value>;

// What JavaScript holds of a client, a value or a program: freed with it, or before by drop or close.
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

void Forget(Handle& handle) {
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

Handle& HandleOf(napi_env env, napi_value value) {
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

// open(path, options): a client of a plugin.
napi_value Open(napi_env env, const Arguments& a) {
  const NamedValues options(env, a[1]);
  return Hold(env, Client::Open(Plugin::Open(Text(env, a[0])), options.values()));
}

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

// describe(client): {platform, version, api, devices: [{id, kind, memoryBytes?}]}.
napi_value Describe(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  BIT_PJRT_ARGS(PJRT_Client_PlatformName, name);
  name.client = client->handle();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_PlatformName, name);
  BIT_PJRT_ARGS(PJRT_Client_PlatformVersion, version);
  version.client = client->handle();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_PlatformVersion, version);
  std::vector<napi_value> devices;
  for (PJRT_Device* const device : client->devices())
    devices.push_back(DeviceOf(env, client->plugin(), device));
  return Object(
      env, {{"platform", Of(env, std::string(name.platform_name, name.platform_name_size))},
            {"version", Of(env, std::string(version.platform_version, version.platform_version_size))},
            {"api", Of(env, client->plugin().ApiVersion())},
            {"devices", Array(env, devices)}});
}

// compile(client, mlir, options): a promise of a program.
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

// load(client, serialized, options): a promise of a program.
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

// compileAhead(path, topology, mlir, options): a promise of an executable.
napi_value CompileAheadOf(napi_env env, const Arguments& a) {
  const auto topology = std::make_shared<NamedValues>(env, a[1]);
  return OnThread(env, [path = Text(env, a[0]), topology, mlir = Text(env, a[2]),
                                  options = Copy(env, a[3])](const Promise& promise) mutable {
    promise.Resolve([executable = CompileAhead(Plugin::Open(path), topology->values(),
                                               std::move(mlir), options)](napi_env env) {
      return Hold(env, executable);
    });
  });
}

// What a program or an executable is, as long as what is returned with it is held.
std::pair<const Executable*, std::shared_ptr<void>> ExecutableOf(napi_env env, napi_value value) {
  if (HandleOf(env, value).kind == Handle::kExecutable) {
    const auto executable = Target<Executable>(env, value);
    return {executable.get(), executable};
  }
  const auto program = Target<Program>(env, value);
  program->client().CheckOpen();
  using Held = std::pair<std::shared_ptr<Program>, Client::Use>;
  return {program->executable(),
          std::make_shared<Held>(std::piecewise_construct, std::forward_as_tuple(program),
                                 std::forward_as_tuple(program->client().shared_from_this()))};
}

// programOf(program): {devices, outputs: [{type, shape}]}.
napi_value DescribeProgram(napi_env env, const Arguments& a) {
  const auto program = Target<Program>(env, a[0]);
  std::vector<napi_value> outputs;
  for (const OutputType& output : program->outputs())
    outputs.push_back(Object(env, {{"type", Of(env, static_cast<double>(output.type))},
                                   {"shape", Of(env, output.shape)}}));
  return Object(env, {{"devices", Of(env, static_cast<double>(program->device_count()))},
                      {"outputs", Array(env, outputs)}});
}

// memory(program): bytes {arguments, outputs, aliased, temporary, code}.
napi_value MemoryOf(napi_env env, const Arguments& a) {
  const auto [executable, held] = ExecutableOf(env, a[0]);
  const MemoryNeeds needs = executable->Memory();
  const auto number = [&](int64_t bytes) { return Of(env, static_cast<double>(bytes)); };
  return Object(env, {{"arguments", number(needs.arguments)},
                      {"outputs", number(needs.outputs)},
                      {"aliased", number(needs.aliased)},
                      {"temporary", number(needs.temporary)},
                      {"code", number(needs.code)}});
}

// serialize(program): a promise of bytes.
napi_value Serialize(napi_env env, const Arguments& a) {
  auto held = ExecutableOf(env, a[0]);
  return OnThread(env, [held = std::move(held)](const Promise& promise) {
    const auto bytes = std::make_shared<std::string>(held.first->Serialize());
    promise.Resolve(
        [bytes](napi_env env) { return View(env, bytes->data(), bytes->size(), bytes); });
  });
}

// optimized(program): a promise of {format, code}.
napi_value Optimized(napi_env env, const Arguments& a) {
  auto held = ExecutableOf(env, a[0]);
  return OnThread(env, [held = std::move(held)](const Promise& promise) {
    const auto program =
        std::make_shared<std::pair<std::string, std::string>>(held.first->Optimized());
    promise.Resolve([program](napi_env env) {
      std::string& code = program->first;
      return Object(env, {{"format", Of(env, program->second)},
                          {"code", View(env, code.data(), code.size(), program)}});
    });
  });
}

// put(client, device, type, shape, strides, bytes): a promise of a value, when the bytes are read.
napi_value PutValue(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  PJRT_Device* const device = client->devices().at(static_cast<size_t>(Number(env, a[1])));
  HostArray array{Memory(env, a[5]).data, static_cast<PJRT_Buffer_Type>(Number(env, a[2])),
                  Integers(env, a[3]), Integers(env, a[4])};
  client->CheckOpen();
  const Promise promise(env);
  napi_ref view = nullptr;
  Ok(napi_create_reference(env, a[5], 1, &view));
  client->Enqueue([client, device, array = std::move(array), promise, view] {
    // Where Node's thread has ended, the bytes are gone and nobody waits.
    if (!promise.loop().BeginUse()) return;
    Put(client, device, array,
        [promise, view](std::shared_ptr<Buffer> buffer, std::optional<Failure> failure) {
          promise.loop().EndUse();
          promise.Resolve([view, buffer, failure](napi_env env) {
            napi_delete_reference(env, view);
            if (failure) throw *failure;
            return Hold(env, buffer);
          });
        });
  });
  return promise.value();
}

// read(value, minorToMajor, size): a promise of bytes.
napi_value ReadValue(napi_env env, const Arguments& a) {
  const auto buffer = Target<Buffer>(env, a[0]);
  buffer->client().CheckOpen();
  const Promise promise(env);
  buffer->client().Enqueue(Settling(
      promise, [buffer, order = Integers(env, a[1]),
                size = static_cast<size_t>(Number(env, a[2]))](const Promise& promise) {
        const std::shared_ptr<char[]> bytes(new char[size]);
        Read(*buffer, order, bytes.get(), size,
             [bytes, size, promise](std::optional<Failure> failure) {
               promise.Resolve([bytes, size, failure](napi_env env) {
                 if (failure) throw *failure;
                 return View(env, bytes.get(), size, bytes);
               });
             });
      }));
  return promise.value();
}

// run(program, [[value, ...], ...], donated): a promise of [[value, ...], ...], when the work is enqueued.
napi_value RunProgram(napi_env env, const Arguments& a) {
  const auto program = Target<Program>(env, a[0]);
  Program::Lists lists;
  for (const napi_value list : List(env, a[1])) {
    lists.emplace_back();
    for (const napi_value value : List(env, list)) lists.back().push_back(Target<Buffer>(env, value));
  }
  std::vector<uint32_t> donated;
  for (const int64_t index : Integers(env, a[2])) donated.push_back(static_cast<uint32_t>(index));
  program->client().CheckOpen();
  const Promise promise(env);
  program->client().Enqueue(Settling(promise, [program, lists = std::move(lists),
                                               donated](const Promise& promise) {
    promise.Resolve([outputs = program->Run(lists, donated)](napi_env env) {
      std::vector<napi_value> all;
      for (const auto& list : outputs) {
        std::vector<napi_value> values;
        for (const auto& buffer : list) values.push_back(Hold(env, buffer));
        all.push_back(Array(env, values));
      }
      return Array(env, all);
    });
  }));
  return promise.value();
}

// isGone(value): whether a program has taken it, when no job is under way that could.
napi_value IsGone(napi_env env, const Arguments& a) {
  napi_value value = nullptr;
  Ok(napi_get_boolean(env, Target<Buffer>(env, a[0])->handle() == nullptr, &value));
  return value;
}

// drop(handle): frees a value or a program, or closes a client, as soon as nothing uses it any longer.
napi_value Drop(napi_env env, const Arguments& a) {
  Forget(HandleOf(env, a[0]));
  return nullptr;
}

// prepareExit(): the process is about to end.
napi_value PrepareExit(napi_env, const Arguments&) {
  LeaveAtOnceIfBusy();
  return nullptr;
}

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
