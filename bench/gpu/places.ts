/** What the check needs of the machine: plugins, libraries, the addon. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/cache-folder.js";
import { packageRoot } from "../../src/package-root.js";

/** Python's packages on a machine with a GPU: JAX's plugin and NVIDIA's libraries. */
export interface PythonPackages {
  readonly plugin: string | undefined;
  /** Folders for LD_LIBRARY_PATH. */
  readonly libraries: readonly string[];
}

export function pythonPackages(python: string): PythonPackages {
  const site = ask(python, ["-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]);
  if (site === undefined) return { plugin: undefined, libraries: [] };
  const plugins = ["xla_cuda13", "xla_cuda12"].map((name) =>
    join(site, "jax_plugins", name, "xla_cuda_plugin.so"),
  );
  const nvidia = join(site, "nvidia");
  const libraries = existsSync(nvidia)
    ? readdirSync(nvidia).map((name) => join(nvidia, name, "lib"))
    : [];
  return { plugin: plugins.find(existsSync), libraries: libraries.filter(existsSync) };
}

/** The first line of what a command prints, or undefined where it fails. */
export function ask(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).split("\n")[0];
  } catch {
    return undefined;
  }
}

/** The CPU plugin, or the CUDA plugin for compiling ahead, as the environment names them. */
export function namedPlugin(kind: "cpu" | "cuda"): string | undefined {
  const path = process.env[kind === "cpu" ? "BIT_PJRT_CPU_PLUGIN" : "BIT_PJRT_CUDA_PLUGIN"];
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** Compiles the addon into `folder`. @returns its path */
export function buildAddon(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const addon = join(folder, "pjrt.node");
  const include = headerFolders().flatMap((path) => ["-I", path]);
  const source = join(packageRoot, "bench/gpu/prototype/addon.cc");
  const flags = ["-shared", "-fPIC", "-O2", "-std=c++17", "-DNAPI_VERSION=8", ...include];
  execFileSync("g++", [...flags, "-o", addon, source, "-ldl"], { stdio: ["ignore", 2, 2] });
  return addon;
}

/** Folders of node_api.h and pjrt_c_api.h: the pack's, else the package's and the engine's. */
export function headerFolders(): string[] {
  const packed = join(packageRoot, "include");
  if (existsSync(packed)) return [packed];
  const engines = join(cacheFolder(), "engine");
  const folders = readdirSync(engines).map((name) => join(engines, name, "include/xla/pjrt/c"));
  const header = folders.find((folder) => existsSync(join(folder, "pjrt_c_api.h")));
  if (header === undefined) throw new Error(`no pjrt_c_api.h under ${engines}: run npm start once`);
  return [join(packageRoot, "node_modules/node-api-headers/include"), header];
}
