/** Stand-ins for what a set-up fetches and runs: small wheels, a pip and a compiler of a few lines. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ZipFile } from "yazl";
import { runCommand } from "../../src/setup/command.js";
import { findCompiler } from "../../src/setup/tools.js";

export const BIT_SETUP = fileURLToPath(new URL("../../../bin/bit-setup.js", import.meta.url));

/** A folder that goes when the test ends. */
export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bit-setup-test-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface WheelFile {
  readonly content: string;
  readonly mode?: number;
  /** What RECORD says the content is, when that is to differ. */
  readonly recorded?: string;
}

/** Writes a wheel with a RECORD, as the Python packaging authority describes it. */
export async function writeWheel(
  path: string,
  files: Readonly<Record<string, WheelFile>>,
  metadata = "Metadata-Version: 2.1\nName: fake\n",
): Promise<void> {
  const zip = new ZipFile();
  let record = "fake-1.dist-info/RECORD,,\n";
  for (const [name, { content, mode, recorded }] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(content), name, { mode: mode ?? 0o100644 });
    const digest = createHash("sha256")
      .update(recorded ?? content)
      .digest("base64url");
    record += `${name},sha256=${digest},${content.length}\n`;
  }
  zip.addBuffer(Buffer.from(metadata), "fake-1.dist-info/METADATA");
  zip.addBuffer(Buffer.from(record), "fake-1.dist-info/RECORD");
  zip.end();
  await mkdir(dirname(path), { recursive: true });
  await pipeline(zip.outputStream, createWriteStream(path));
}

/** What a fake TensorFlow wheel must hold for a set-up to take it. */
export const TENSORFLOW_FILES: Readonly<Record<string, WheelFile>> = {
  "tensorflow/libtensorflow_cc.so.2": { content: "not really a library ".repeat(1000) },
  "tensorflow/libtensorflow_framework.so.2": { content: "nor this" },
  "tensorflow/include/tensorflow/c/c_api.h": { content: "// header" },
  "tensorflow/include/tensorflow/core/platform/ctstring.h": { content: "// header" },
  "tensorflow/include/tensorflow/core/common_runtime/next_pluggable_device/c/x.h": {
    content: "// header",
  },
  "tensorflow/include/tsl/platform/ctstring.h": { content: "// header" },
  "tensorflow/include/tsl/platform/platform.h": { content: "// header" },
  "tensorflow/include/xla/tsl/c/tsl_status.h": { content: "// header" },
  "tensorflow/include/xla/pjrt/c/pjrt_c_api.h": { content: "// header" },
  "tensorflow/include/Eigen/Core": { content: "// not needed" },
  "tensorflow/python/keras.py": { content: "# not needed" },
};

const BINDING_SOURCE = `
#include <node_api.h>
static napi_value gpu(napi_env env, napi_callback_info) {
  napi_value no;
  napi_get_boolean(env, false, &no);
  return no;
}
NAPI_MODULE_INIT() {
  napi_value version, function;
  napi_create_string_utf8(env, "2.21.0-fake", NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "TF_Version", version);
  napi_create_function(env, "isUsingGpuDevice", NAPI_AUTO_LENGTH, gpu, nullptr, &function);
  napi_set_named_property(env, exports, "isUsingGpuDevice", function);
  return exports;
}`;

/** Compiles a Node addon that answers as the binding does when it is loaded as a proof. */
export async function compileFakeBinding(folder: string): Promise<string> {
  const headers = createRequire(import.meta.url)("node-api-headers") as { include_dir: string };
  const source = join(folder, "fake.cc");
  const binding = join(folder, "fake.node");
  await writeFile(source, BINDING_SOURCE);
  const [command, ...args] = await findCompiler();
  const flags = ["-shared", "-fPIC", `-I${headers.include_dir}`, source, "-o", binding];
  const result = await runCommand(command, [...args, ...flags]);
  if (result.status !== 0) throw new Error(result.output);
  return binding;
}

/** Writes an executable shell script. */
export async function writeTool(folder: string, name: string, script: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** A python3 whose pip takes `<name>.whl` from $FAKE_WHEELS, after $FAKE_DELAY seconds. */
export const FAKE_PYTHON = `
case "$*" in
  --version) echo "Python 3.11.0"; exit 0;;
  "-m pip --version") echo "pip 24.0"; exit 0;;
esac
while [ $# -gt 1 ]; do
  [ "$1" = --dest ] && dest="$2"
  shift
done
echo "$1" >> "$FAKE_LOG"
sleep "\${FAKE_DELAY:-0}"
cp "$FAKE_WHEELS/\${1%%[<>=]*}.whl" "$dest/"`;

/** A compiler that gives out $FAKE_BINDING. */
export const FAKE_COMPILER = `
[ "$1" = --version ] && exit 0
while [ $# -gt 1 ]; do
  [ "$1" = -o ] && cp "$FAKE_BINDING" "$2"
  shift
done`;

export interface Ended {
  readonly status: number | undefined;
  readonly stdout: string;
  /** Standard output and error. */
  readonly output: string;
}

/** Runs `bit-setup` to its end. */
export async function bitSetup(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return await runCommand(process.execPath, [BIT_SETUP, ...args], { env });
}

/** Starts `bit-setup`, for tests that send it a signal. */
export function startBitSetup(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [BIT_SETUP, ...args], { env, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, ended };
}

/** An nvidia-smi that lists GPUs as `index, uuid, name, memory, driver, capability`. */
export async function fakeNvidiaSmi(folder: string, gpus: readonly string[]): Promise<void> {
  const lines = gpus.map((gpu) => `  echo '${gpu}'`).join("\n");
  const header = "| NVIDIA-SMI 580.65.06    Driver Version: 580.65.06    CUDA Version: 13.0     |";
  await writeTool(
    folder,
    "nvidia-smi",
    `if [ "$1" = --query-gpu=index,uuid,name,memory.total,driver_version,compute_cap ]; then\n` +
      `${lines || "  :"}\nelse\n  echo '${header}'\nfi`,
  );
}
