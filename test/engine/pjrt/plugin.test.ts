/** Plugins that are none, that are older or newer, and the errors of others that mean memory. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { requireEngine } from "../../../src/engine/installed.js";
import { compileAhead, openPjrt, PjrtError } from "../../../src/engine/pjrt/client.js";
import { findCompiler } from "../../../src/setup/tools.js";
import { cpuPlugin } from "../../cpu-plugin.js";

const folder = await mkdtemp(join(tmpdir(), "bit-plugin-"));
after(() => rm(folder, { recursive: true, force: true }));

/** A plugin whose functions are those of the CPU's as far as `last`, of the version `major`.90. */
async function plugin(name: string, major: number, last: string): Promise<string> {
  const source = join(folder, `${name}.cc`);
  const library = join(folder, `${name}.so`);
  await writeFile(
    source,
    `#include <dlfcn.h>
    #include "xla/pjrt/c/pjrt_c_api.h"
    extern "C" const PJRT_Api* GetPjrtApi() {
      static PJRT_Api api = *reinterpret_cast<const PJRT_Api* (*)()>(
          dlsym(dlopen(${JSON.stringify(await cpuPlugin())}, RTLD_NOW | RTLD_LOCAL), "GetPjrtApi"))();
      api.struct_size = PJRT_STRUCT_SIZE(PJRT_Api, ${last});
      api.pjrt_api_version.major_version = ${major};
      api.pjrt_api_version.minor_version = 54;
      return &api;
    }`,
  );
  const [compiler, ...leading] = await findCompiler();
  const include = join(requireEngine().folder, "include");
  execFileSync(compiler, [...leading, "-shared", "-fPIC", `-I${include}`, source, "-o", library]);
  return library;
}

test("what is no plugin is refused", async () => {
  const nothing = join(folder, "nothing.so");
  await writeFile(nothing, "no library");
  assert.throws(() => openPjrt(join(folder, "missing.so")), {
    name: "PjrtError",
    code: "NOT_FOUND",
  });
  assert.throws(() => openPjrt(nothing), { name: "PjrtError", message: /nothing\.so/ });
  await assert.rejects(compileAhead(nothing, "", ""), PjrtError);
  // The CPU's has no devices that are not there.
  await assert.rejects(compileAhead(await cpuPlugin(), "", "module {}"), { code: "UNIMPLEMENTED" });
});

test("an older plugin is used as far as its functions go", async () => {
  const client = openPjrt(await plugin("older", 0, "PJRT_Executable_OutputDimensions"));
  assert.equal(client.api, "0.54");
  const mlir = `func.func @main(%a: tensor<f32>) -> tensor<f32> { return %a : tensor<f32> }`;
  const program = await client.compile(mlir);
  const value = { type: "float32" as const, shape: [], data: Float32Array.of(5) };
  const [[result] = []] = await program.run([[await client.put(value)]], []);
  assert.deepEqual(new Float32Array((await result!.read()).buffer), value.data);
  assert.throws(() => program.memory(), {
    name: "PjrtError",
    code: "UNIMPLEMENTED",
    message: "the plugin, of PJRT 0.54, has no PJRT_Executable_GetCompiledMemoryStats",
  });
  client.close();
});

test("a plugin without what is needed, or of another major version, is refused", async () => {
  const oldest = await plugin("oldest", 0, "PJRT_Event_OnReady");
  assert.throws(() => openPjrt(oldest), /the plugin, of PJRT 0\.54, has no PJRT_Client_Create/);
  const other = await plugin("other", 1, "PJRT_Event_Set");
  assert.throws(() => openPjrt(other), /the plugin's API is PJRT 1\.54, not 0\.x/);
});

test("options that a plugin does not know are its own affair, those of a wrong type are told", async () => {
  const path = await plugin("options", 0, "PJRT_Event_Set");
  assert.throws(() => openPjrt(path, { cpu_device_count: "many" }), PjrtError);
  const client = openPjrt(path, { cpu_device_count: 3 });
  assert.equal(client.devices.length, 3);
  client.close();
});

test("too large a value or program is out of memory", async () => {
  const client = openPjrt(await cpuPlugin());
  const type = `tensor<${2 ** 45}xf32>`;
  const program = await client.compile(`func.func @main(%a: tensor<f32>) -> ${type} {
    %b = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> ${type}
    return %b : ${type}
  }`);
  const one = { type: "float32" as const, shape: [], data: Float32Array.of(1) };
  const a = await client.put(one);
  const failing = async () => (await program.run([[a]], [0]))[0]![0]!.read();
  await assert.rejects(failing(), (error: PjrtError) => {
    assert.ok(error instanceof PjrtError);
    assert.equal(error.code, "RESOURCE_EXHAUSTED");
    return error.outOfMemory;
  });
  assert.deepEqual(new Float32Array((await a.read()).buffer), one.data, "still there");
  client.close();
});

test("messages that mean memory under other codes, and those that do not", () => {
  for (const [code, message] of [
    [
      "RESOURCE_EXHAUSTED",
      "Out of memory while trying to allocate 1.00GiB with allocator GPU_0_bfc",
    ],
    ["INTERNAL", "Failed to allocate 4294967296 bytes for new constant"],
    ["UNKNOWN", "Failed to determine best cudnn convolution algorithm for: %cudnn-conv"],
    ["INTERNAL", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"],
    ["INTERNAL", "CUBLAS_STATUS_ALLOC_FAILED"],
    ["NOT_FOUND", "No algorithm worked! Error messages: Scratch allocation failed"],
    ["INTERNAL", "Could not create cudnn handle: CUDNN_STATUS_INTERNAL_ERROR"],
    ["INTERNAL", "CUDA_ERROR_OUT_OF_MEMORY: out of memory"],
  ] as const)
    assert.ok(new PjrtError(code, message).outOfMemory, message);
  for (const [code, message] of [
    ["INVALID_ARGUMENT", "Buffer passed to Execute() as argument 0 has the wrong size"],
    ["INTERNAL", "CUDNN_STATUS_EXECUTION_FAILED"],
    ["FAILED_PRECONDITION", "No visible GPU devices."],
    ["INTERNAL", "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"],
    ["NOT_FOUND", "libdevice not found at ./libdevice.10.bc"],
  ] as const)
    assert.ok(!new PjrtError(code, message).outOfMemory, message);
});
