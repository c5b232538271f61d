/** What the check needs of the machine: plugins, their libraries, the addon that calls them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/cache-folder.js";
import { type EngineManifest, findEngine } from "../../src/engine/installed.js";
import { findPlugin } from "../../src/engine/installed-plugins.js";
import { writeManifest } from "../../src/engine/manifest.js";
import { addonPath, compiledFiles, PJRT } from "../../src/engine/own-addon.js";
import { PLUGINS, type PluginRecipe } from "../../src/engine/plugin-recipes.js";
import { engineName, enginesFolder } from "../../src/engine/recipe.js";
import { packageRoot } from "../../src/package-root.js";
import { installPlugin } from "../../src/setup/plugins.js";

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
    const text = execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text.split("\n")[0];
  } catch {
    return undefined;
  }
}

/** Of CUDA's plugin what compiles for a GPU that is not there: without the libraries that compute. */
const aheadRecipe: PluginRecipe = {
  ...PLUGINS.cuda13,
  title: "XLA for CUDA 13, to compile ahead",
  wheels: PLUGINS.cuda13.wheels.slice(0, 1),
  severalDevices: [],
  libraryFolders: [],
  needs: undefined,
};

/** A plugin in the cache, or where `BIT_PJRT_CPU` or `BIT_PJRT_CUDA` say. */
export function cachedPlugin(kind: "cpu" | "cuda"): string | undefined {
  const told = process.env[`BIT_PJRT_${kind.toUpperCase()}`];
  if (told !== undefined) return existsSync(told) ? told : undefined;
  if (kind === "cpu") return findPlugin("cpu")?.path;
  const plugin = findPlugin("cuda13") ?? findPlugin("cuda13", cacheFolder(), aheadRecipe);
  return (plugin ?? findPlugin("cuda12"))?.path;
}

/** Fetches what the check needs where there is no GPU: both plugins, unless they are in the cache. */
export async function fetchPlugins(): Promise<void> {
  if (cachedPlugin("cpu") === undefined) await installPlugin("cpu");
  if (cachedPlugin("cuda") === undefined) await installPlugin("cuda13", { recipe: aheadRecipe });
}

/**
 * Sees to the addon that calls plugins: the engine's, where one is set up; else one that is compiled here,
 * in a folder that passes for an engine of which only this addon is used.
 * @param folder becomes the cache folder then
 */
export function provideAddon(folder: string): void {
  const engine = findEngine();
  if (engine !== undefined && existsSync(addonPath(PJRT, engine.folder))) return;
  process.env["BIT_CACHE"] = folder;
  const place = join(enginesFolder(folder), engineName("cpu"));
  mkdirSync(place, { recursive: true });
  const include = headerFolders().flatMap((path) => ["-I", path]);
  const libraries = PJRT.libraries.map((name) => `-l${name}`);
  const args = [
    ...PJRT.flags,
    ...include,
    "-o",
    addonPath(PJRT, place),
    ...compiledFiles(PJRT),
    ...libraries,
  ];
  execFileSync("g++", args, { stdio: ["ignore", 2, 2] });
  const manifest: EngineManifest = {
    version: "none",
    flavour: "cpu",
    source: "the GPU check",
    made: "",
    binding: "",
    files: {},
  };
  writeManifest(place, manifest);
}

/** Folders of node_api.h and of xla/pjrt/c/pjrt_c_api.h: the pack's, else the package's and the engine's. */
export function headerFolders(): string[] {
  const packed = join(packageRoot, "include");
  if (existsSync(packed)) return [packed];
  const engine = findEngine();
  if (engine === undefined) throw new Error("no engine with XLA's headers: run npm start once");
  return [
    join(packageRoot, "node_modules/node-api-headers/include"),
    join(engine.folder, "include"),
  ];
}
