/**
 * Compiles the binding between Node and TensorFlow's C API from the sources in tfjs-node-gpu, by one call
 * of the compiler. Not by node-gyp: that may fetch Node's headers from outside the package registries,
 * and the headers that N-API needs are in the npm package node-api-headers.
 */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import tar from "tar-stream";
import { UserError } from "../../errors.js";
import { packageRoot } from "../../package-root.js";
import { GATE_FILE } from "../binding.js";
import type { InstalledEngine } from "../installed.js";
import { KERNEL_FLAGS, kernelSources, kernelsPath } from "../native-kernels.js";
import { lastLines, runCommand } from "./command.js";
import { BINDING_PACKAGE, COMPILE_FLAGS } from "./recipe.js";

const SOURCES = ["binding/tfjs_backend.cc", "binding/tfjs_binding.cc"];

/** Our own small addon beside the binding, which keeps TensorFlow's first lines off the terminal. */
const gateSource = join(packageRoot, "native", "stderr_gate.cc");

const require = createRequire(import.meta.url);

/** The folder of the installed binding package; undefined where npm left the optional package out. */
export function installedSources(): string | undefined {
  try {
    return dirname(require.resolve(`${BINDING_PACKAGE.name}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Brings the binding package's files by `npm pack`.
 * @param folder a new folder
 * @throws UserError with npm's last lines when npm fails
 */
export async function fetchSources(folder: string, signal?: AbortSignal): Promise<string> {
  await mkdir(folder, { recursive: true });
  const wanted = `${BINDING_PACKAGE.name}@${BINDING_PACKAGE.version}`;
  const packed = await runCommand("npm", ["pack", wanted, "--pack-destination", folder], {
    cwd: folder,
    signal,
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (packed.status !== 0 || archive === undefined)
    throw new UserError(
      wanted,
      packed.startError === undefined
        ? `npm could not fetch it:\n${lastLines(packed.output)}`
        : `npm does not run (${packed.startError})`,
      "an npm registry that answers",
      "check the network and npm's settings (npm config list), then: npx bit-setup",
    );
  await unpackTarball(join(folder, archive), folder);
  return join(folder, "package");
}

async function unpackTarball(archive: string, into: string): Promise<void> {
  const extract = tar.extract();
  const unpacking = pipeline(createReadStream(archive), createGunzip(), extract);
  for await (const entry of extract) {
    const path = resolve(into, entry.header.name);
    if (entry.header.type === "file" && path.startsWith(resolve(into) + sep)) {
      await mkdir(dirname(path), { recursive: true });
      await pipeline(entry, createWriteStream(path));
    } else {
      entry.resume();
    }
  }
  await unpacking;
}

/** The names under which the linker looks for the two libraries. */
export const LINK_NAMES: Readonly<Record<string, string>> = {
  "libtensorflow.so": "libtensorflow_cc.so.2",
  "libtensorflow_framework.so": "libtensorflow_framework.so.2",
};

export interface CompileRequest {
  readonly compiler: readonly [string, ...string[]];
  /** The binding package's folder. */
  readonly sources: string;
  /** The engine in the making: `lib/` and `include/` are there, `tfjs_binding.node` comes. */
  readonly engine: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the library's link names and compiles `tfjs_binding.node` and `stderr_gate.node`.
 * @throws UserError with the compiler's last lines when it fails
 */
export async function compileBinding(request: CompileRequest): Promise<void> {
  const { compiler, sources, engine, signal } = request;
  const library = join(engine, "lib");
  for (const [name, target] of Object.entries(LINK_NAMES))
    await symlink(target, join(library, name));
  await compile(
    compiler,
    [
      `-I${join(engine, "include")}`,
      `-I${sources}`,
      ...SOURCES.map((source) => join(sources, source)),
      "-o",
      join(engine, "tfjs_binding.node"),
      `-L${library}`,
      "-ltensorflow",
      "-ltensorflow_framework",
      // Relative, since the folder is renamed when it is complete; and to the real folder, since the
      // CUDA build looks for nvidia/ beside the folder by which it was opened.
      "-Wl,-rpath,$ORIGIN/lib",
    ],
    signal,
  );
  await compile(compiler, [gateSource, "-o", join(engine, GATE_FILE)], signal);
}

/**
 * Compiles our own operations for an engine that is complete, unless that was done already. The file
 * appears at once: processes that open the engine meanwhile see it whole or not at all.
 * @throws UserError with the compiler's last lines when it fails
 */
export async function compileKernels(
  engine: Pick<InstalledEngine, "folder">,
  compiler: readonly [string, ...string[]],
  signal?: AbortSignal,
): Promise<void> {
  const path = kernelsPath(engine);
  if (existsSync(path)) return;
  const made = `${path}.${process.pid}`;
  const args = [
    `-I${join(engine.folder, "include")}`,
    ...kernelSources(),
    "-o",
    made,
    `-L${join(engine.folder, "lib")}`,
    "-ltensorflow",
    "-ltensorflow_framework",
    "-Wl,-rpath,$ORIGIN/lib",
  ];
  try {
    await compile(compiler, args, signal, KERNEL_FLAGS);
    await rename(made, path);
  } finally {
    await rm(made, { force: true });
  }
}

async function compile(
  [command, ...leading]: readonly [string, ...string[]],
  args: readonly string[],
  signal: AbortSignal | undefined,
  flags: readonly string[] = COMPILE_FLAGS,
): Promise<void> {
  const { include_dir: nodeHeaders } = require("node-api-headers") as { include_dir: string };
  const all = [...leading, ...flags, `-I${nodeHeaders}`, ...args];
  const result = await runCommand(command, all, { signal });
  if (result.status !== 0)
    throw new UserError(
      `${command} (C++ compiler)`,
      `it could not build the binding:\n${lastLines(result.output, 12)}`,
      "GCC 8 or newer, or Clang 7 or newer, with the C++ standard library",
      "sudo apt install g++   (Debian, Ubuntu)   or   sudo dnf install gcc-c++   (Fedora); " +
        "another compiler: CXX=clang++ npx bit-setup",
    );
}
