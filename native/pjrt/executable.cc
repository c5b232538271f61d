#include "program.h"

namespace bit_pjrt {

Executable::~Executable() {
  BIT_PJRT_ARGS(PJRT_Executable_Destroy, args);
  args.executable = handle_;
  try {
    BIT_PJRT_CALL(plugin_, PJRT_Executable_Destroy, args);
  } catch (const Failure&) {
    // Nobody can do anything about it.
  }
}

std::vector<OutputType> Executable::Outputs() const {
  BIT_PJRT_ARGS(PJRT_Executable_OutputElementTypes, types);
  types.executable = handle_;
  BIT_PJRT_CALL(plugin_, PJRT_Executable_OutputElementTypes, types);
  BIT_PJRT_ARGS(PJRT_Executable_OutputDimensions, dimensions);
  dimensions.executable = handle_;
  BIT_PJRT_CALL(plugin_, PJRT_Executable_OutputDimensions, dimensions);
  std::vector<OutputType> outputs(types.num_output_types);
  const int64_t* dimension = dimensions.dims;
  for (size_t i = 0; i < outputs.size(); i++) {
    outputs[i].type = types.output_types[i];
    outputs[i].shape.assign(dimension, dimension + dimensions.dim_sizes[i]);
    dimension += dimensions.dim_sizes[i];
  }
  return outputs;
}

MemoryNeeds Executable::Memory() const {
  BIT_PJRT_ARGS(PJRT_Executable_GetCompiledMemoryStats, args);
  args.executable = handle_;
  BIT_PJRT_CALL(plugin_, PJRT_Executable_GetCompiledMemoryStats, args);
  return {args.argument_size_in_bytes, args.output_size_in_bytes, args.alias_size_in_bytes,
          args.temp_size_in_bytes, args.generated_code_size_in_bytes};
}

std::string Executable::Serialize() const {
  BIT_PJRT_ARGS(PJRT_Executable_Serialize, args);
  args.executable = handle_;
  BIT_PJRT_CALL(plugin_, PJRT_Executable_Serialize, args);
  std::string bytes(args.serialized_bytes, args.serialized_bytes_size);
  args.serialized_executable_deleter(args.serialized_executable);
  return bytes;
}

std::pair<std::string, std::string> Executable::Optimized() const {
  PJRT_Program program{};
  program.struct_size = PJRT_Program_STRUCT_SIZE;
  BIT_PJRT_ARGS(PJRT_Executable_OptimizedProgram, args);
  args.executable = handle_;
  args.program = &program;
  // The first call tells the size.
  BIT_PJRT_CALL(plugin_, PJRT_Executable_OptimizedProgram, args);
  std::string code(program.code_size, '\0');
  program.code = code.data();
  BIT_PJRT_CALL(plugin_, PJRT_Executable_OptimizedProgram, args);
  code.resize(program.code_size);
  return {std::move(code), std::string(program.format, program.format_size)};
}

}  // namespace bit_pjrt
