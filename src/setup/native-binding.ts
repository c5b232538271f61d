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
import type { InstalledEngine } from "../engine/installed.js";
import { addonPath, compiledFiles, OWN_ADDONS } from "../engine/own-addon.js";
import { BINDING_PACKAGE, COMPILE_FLAGS } from "../engine/recipe.js";
import { runCommand } from "./command.js";
import { explainCompiler, explainNpm } from "./failures.js";
import { makeTemporary } from "./staging.js";

const SOURCES = ["binding/tfjs_backend.cc", "binding/tfjs_binding.cc"];

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
    env: { ...process.env, TMPDIR: folder },
    signal,
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (packed.status !== 0 || archive === undefined) throw explainNpm(wanted, packed);
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
 * Makes the library's link names and compiles `tfjs_binding.node`.
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
      // Relative, since the folder is renamed when it is complete.
      "-Wl,-rpath,$ORIGIN/lib",
    ],
    { folder: engine, flags: COMPILE_FLAGS, signal },
  );
}

/**
 * Compiles our own addons for an engine that is complete, unless that was done already. A file appears
 * at once: processes that open the engine meanwhile see it whole or not at all.
 * @throws UserError with the compiler's last lines when it fails
 */
export async function compileOwnAddons(
  { folder }: Pick<InstalledEngine, "folder">,
  compiler: readonly [string, ...string[]],
  signal?: AbortSignal,
): Promise<void> {
  for (const addon of OWN_ADDONS) {
    const path = addonPath(addon, folder);
    if (existsSync(path)) continue;
    const made = `${path}.${process.pid}`;
    const args = [
      `-I${join(folder, "include")}`,
      ...compiledFiles(addon),
      "-o",
      made,
      `-L${join(folder, "lib")}`,
      ...addon.libraries.map((library) => `-l${library}`),
      "-Wl,-rpath,$ORIGIN/lib",
    ];
    try {
      await compile(compiler, args, { folder, flags: addon.flags, signal });
      await rename(made, path);
    } finally {
      await rm(made, { force: true });
    }
  }
}

interface Compilation {
  /** The engine's folder, beside which the compiler has its temporary files. */
  readonly folder: string;
  readonly flags: readonly string[];
  readonly signal: AbortSignal | undefined;
}

async function compile(
  [command, ...leading]: readonly [string, ...string[]],
  args: readonly string[],
  { folder, flags, signal }: Compilation,
): Promise<void> {
  const { include_dir: nodeHeaders } = require("node-api-headers") as { include_dir: string };
  const all = [...leading, ...flags, `-I${nodeHeaders}`, ...args];
  // Not in the system's folder, which may be full, or missing.
  const temporary = await makeTemporary(dirname(folder), "build");
  try {
    const env = { ...process.env, TMPDIR: temporary };
    const result = await runCommand(command, all, { env, signal });
    if (result.status !== 0) throw explainCompiler(command, result);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
