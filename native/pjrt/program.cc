#include "program.h"

#include <utility>

namespace bit_pjrt {
namespace {

PJRT_Program MlirProgram(std::string& code) {
  PJRT_Program program{};
  program.struct_size = PJRT_Program_STRUCT_SIZE;
  program.code = code.data();
  program.code_size = code.size();
  program.format = "mlir";
  program.format_size = 4;
  return program;
}

bool IsDeleted(const Buffer& buffer) {
  BIT_PJRT_ARGS(PJRT_Buffer_IsDeleted, args);
  args.buffer = buffer.handle();
  BIT_PJRT_CALL(buffer.plugin(), PJRT_Buffer_IsDeleted, args);
  return args.is_deleted;
}

}  // namespace

Program::Program(std::shared_ptr<Client> client, PJRT_LoadedExecutable* handle)
    : Resource(std::move(client)), handle_(handle) {
  // From here on it is freed whatever fails.
  try {
    BIT_PJRT_ARGS(PJRT_LoadedExecutable_GetExecutable, executable);
    executable.loaded_executable = handle;
    BIT_PJRT_CALL(plugin(), PJRT_LoadedExecutable_GetExecutable, executable);
    executable_ = std::make_unique<Executable>(plugin(), executable.executable);
    outputs_ = executable_->Outputs();
    BIT_PJRT_ARGS(PJRT_LoadedExecutable_AddressableDevices, devices);
    devices.executable = handle;
    BIT_PJRT_CALL(plugin(), PJRT_LoadedExecutable_AddressableDevices, devices);
    device_count_ = devices.num_addressable_devices;
  } catch (const Failure&) {
    Free();
    throw;
  }
  Register();
}

Program::~Program() { Unregister(); }

void Program::Free() {
  executable_.reset();
  if (handle_ == nullptr) return;
  BIT_PJRT_ARGS(PJRT_LoadedExecutable_Destroy, args);
  args.executable = std::exchange(handle_, nullptr);
  try {
    BIT_PJRT_CALL(plugin(), PJRT_LoadedExecutable_Destroy, args);
  } catch (const Failure&) {
    // Nobody can do anything about it.
  }
}

Program::Lists Program::Run(const Lists& arguments, const std::vector<uint32_t>& donated) const {
  const size_t devices = arguments.size(), count = arguments[0].size();
  std::vector<std::vector<PJRT_Buffer*>> inputs(devices), results(devices);
  std::vector<PJRT_Buffer* const*> input_lists;
  std::vector<PJRT_Buffer**> result_lists;
  for (size_t k = 0; k < devices; k++) {
    for (const std::shared_ptr<Buffer>& buffer : arguments[k]) {
      if (buffer->handle() == nullptr)
        throw Failure{PJRT_Error_Code_FAILED_PRECONDITION, "an argument was donated or dropped"};
      inputs[k].push_back(buffer->handle());
    }
    results[k].resize(outputs_.size());
    input_lists.push_back(inputs[k].data());
    result_lists.push_back(results[k].data());
  }
  std::vector<bool> is_donated(count);
  for (const uint32_t i : donated) is_donated[i] = true;
  std::vector<int64_t> kept;
  for (size_t i = 0; i < count; i++)
    if (!is_donated[i]) kept.push_back(i);

  PJRT_ExecuteOptions options{};
  options.struct_size = PJRT_ExecuteOptions_STRUCT_SIZE;
  options.non_donatable_input_indices = kept.data();
  options.num_non_donatable_input_indices = kept.size();
  BIT_PJRT_ARGS(PJRT_LoadedExecutable_Execute, args);
  args.executable = handle_;
  args.options = &options;
  args.argument_lists = input_lists.data();
  args.num_devices = devices;
  args.num_args = count;
  args.output_lists = result_lists.data();
  std::vector<PJRT_Event*> complete(devices);
  args.device_complete_events = complete.data();
  try {
    BIT_PJRT_CALL(plugin(), PJRT_LoadedExecutable_Execute, args);
  } catch (const Failure&) {
    for (const auto& list : arguments)
      for (const uint32_t i : donated)
        if (IsDeleted(*list[i])) list[i]->Free();
    throw;
  }
  const std::shared_ptr<Client> shared = client().shared_from_this();
  const auto use = std::make_shared<Client::Use>(shared);
  for (PJRT_Event* const event : complete)
    // A failure is the outputs' as well, and is told by who reads them.
    WhenReady(plugin(), event, [use](std::optional<Failure>) {});
  for (const auto& list : arguments)
    for (const uint32_t i : donated) list[i]->Free();
  Lists lists(devices);
  for (size_t k = 0; k < devices; k++)
    for (PJRT_Buffer* const result : results[k])
      lists[k].push_back(std::make_shared<Buffer>(shared, result));
  return lists;
}

std::shared_ptr<Program> Compile(const std::shared_ptr<Client>& client, std::string mlir,
                                 const std::string& options) {
  const PJRT_Program program = MlirProgram(mlir);
  BIT_PJRT_ARGS(PJRT_Client_Compile, args);
  args.client = client->handle();
  args.program = &program;
  args.compile_options = options.data();
  args.compile_options_size = options.size();
  BIT_PJRT_CALL(client->plugin(), PJRT_Client_Compile, args);
  return std::make_shared<Program>(client, args.executable);
}

std::shared_ptr<Program> Load(const std::shared_ptr<Client>& client, const std::string& serialized,
                              const std::string& options) {
  BIT_PJRT_ARGS(PJRT_Executable_DeserializeAndLoad, args);
  args.client = client->handle();
  args.serialized_executable = serialized.data();
  args.serialized_executable_size = serialized.size();
  if (!options.empty()) {
    args.overridden_serialized_compile_options = options.data();
    args.overridden_serialized_compile_options_size = options.size();
  }
  BIT_PJRT_CALL(client->plugin(), PJRT_Executable_DeserializeAndLoad, args);
  return std::make_shared<Program>(client, args.loaded_executable);
}

std::shared_ptr<Executable> CompileAhead(const Plugin& plugin,
                                         const std::vector<PJRT_NamedValue>& topology,
                                         std::string mlir, const std::string& options) {
  BIT_PJRT_ARGS(PJRT_TopologyDescription_Create, create);
  create.topology_name = "";
  create.create_options = topology.data();
  create.num_options = topology.size();
  BIT_PJRT_CALL(plugin, PJRT_TopologyDescription_Create, create);
  const PJRT_Program program = MlirProgram(mlir);
  BIT_PJRT_ARGS(PJRT_Compile, args);
  args.topology = create.topology;
  args.program = &program;
  args.compile_options = options.data();
  args.compile_options_size = options.size();
  std::optional<Failure> failure;
  try {
    BIT_PJRT_CALL(plugin, PJRT_Compile, args);
  } catch (const Failure& caught) {
    failure = caught;
  }
  BIT_PJRT_ARGS(PJRT_TopologyDescription_Destroy, destroy);
  destroy.topology = create.topology;
  BIT_PJRT_CALL(plugin, PJRT_TopologyDescription_Destroy, destroy);
  if (failure) throw *failure;
  return std::make_shared<Executable>(plugin, args.executable);
}

}  // namespace bit_pjrt
