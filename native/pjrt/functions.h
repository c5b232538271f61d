// What the addon gives JavaScript. Each function takes its arguments and returns its value; a Failure that
// it throws is thrown there as an error.
#pragma once

#include <node_api.h>

#include <vector>

namespace bit_pjrt {

using Arguments = std::vector<napi_value>;

// open(path, options): a client of a plugin.
napi_value Open(napi_env env, const Arguments& a);

// openTogether(path, options, ask): a promise of a client of one of several processes, which reach each other by
// what `ask` keeps (key_values.h). Node's thread has to be free meanwhile.
napi_value OpenTogether(napi_env env, const Arguments& a);

// describe(client): {platform, version, api, process, devices: [{id, kind, memoryBytes?}]}; those of this process.
napi_value Describe(napi_env env, const Arguments& a);

// compile(client, mlir, options): a promise of a program.
napi_value CompileProgram(napi_env env, const Arguments& a);

// load(client, serialized, options): a promise of a program.
napi_value LoadProgram(napi_env env, const Arguments& a);

// compileAhead(path, topology, mlir, options): a promise of an executable.
napi_value CompileAheadOf(napi_env env, const Arguments& a);

// programOf(program): {devices, outputs: [{type, shape}]}.
napi_value DescribeProgram(napi_env env, const Arguments& a);

// memory(program): bytes {arguments, outputs, aliased, temporary, code}.
napi_value MemoryOf(napi_env env, const Arguments& a);

// serialize(program): a promise of bytes.
napi_value Serialize(napi_env env, const Arguments& a);

// optimized(program): a promise of {format, code}.
napi_value Optimized(napi_env env, const Arguments& a);

// run(program, [[value, ...], ...], donated): a promise of [[value, ...], ...], when the work is enqueued.
napi_value RunProgram(napi_env env, const Arguments& a);

// put(client, device, type, shape, strides, bytes): a promise of a value, when the bytes are read.
napi_value PutValue(napi_env env, const Arguments& a);

// read(value, minorToMajor, size): a promise of bytes.
napi_value ReadValue(napi_env env, const Arguments& a);

// isGone(value): whether a program has taken it, when no job is under way that could.
napi_value IsGone(napi_env env, const Arguments& a);

// drop(handle): frees a value or a program, or closes a client, as soon as nothing uses it any longer.
napi_value Drop(napi_env env, const Arguments& a);

// prepareExit(): the process is about to end.
napi_value PrepareExit(napi_env env, const Arguments& a);

}  // namespace bit_pjrt
