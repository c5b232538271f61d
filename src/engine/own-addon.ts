/**
 * Addons of our own (native/), compiled for an engine and kept in its folder. A file's name tells its
 * sources and flags, so that another version of bit-train finds, and makes, a file of its own.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../package-root.js";

export interface OwnAddon {
  /** Of its file, before the hash. */
  readonly name: string;
  /** Its folder or its one file below native/. */
  readonly source: string;
  /** The compiler's flags, less folders and files. */
  readonly flags: readonly string[];
  /** The engine's and the system's libraries that it is linked with, as the linker calls them. */
  readonly libraries: readonly string[];
}

const FLAGS: readonly string[] = [
  "-shared",
  "-fPIC",
  "-std=c++17",
  "-DNAPI_VERSION=8",
  // Node unloads a thread's addons when it ends; what they have registered or started stays.
  "-Wl,-z,nodelete",
];

/** Operations of our own. */
export const KERNELS: OwnAddon = {
  name: "bit_kernels",
  source: "kernels",
  flags: [...FLAGS, "-O3"],
  libraries: ["tensorflow", "tensorflow_framework"],
};

/** Sessions that leave JavaScript's thread free. */
export const TENSORFLOW: OwnAddon = {
  name: "bit_tensorflow",
  source: "tensorflow",
  flags: [...FLAGS, "-O2"],
  libraries: ["tensorflow", "tensorflow_framework"],
};

/** What belongs to the process: see native/process.cc. */
const PROCESS: OwnAddon = {
  name: "bit_process",
  source: "process.cc",
  flags: [...FLAGS, "-O2"],
  libraries: [],
};

/** Calls XLA's plugins by the PJRT C API, of which TensorFlow's wheel brings the header. */
export const PJRT: OwnAddon = {
  name: "bit_pjrt",
  source: "pjrt",
  flags: [...FLAGS, "-O2"],
  libraries: ["dl"],
};

/** All of them. */
export const OWN_ADDONS: readonly OwnAddon[] = [PROCESS, KERNELS, TENSORFLOW, PJRT];

const NATIVE = join(packageRoot, "native");

/** An addon's C++ files to compile. */
export function compiledFiles({ source }: OwnAddon): string[] {
  const path = join(NATIVE, source);
  return source.endsWith(".cc") ? [path] : filesIn(path, ".cc");
}

/** What an addon is compiled from: its folder, and the headers of native/ itself, which addons share. */
function sources(addon: OwnAddon): string[] {
  const own = addon.source.endsWith(".cc") ? [] : filesIn(join(NATIVE, addon.source), ".h");
  return [...compiledFiles(addon), ...own, ...filesIn(NATIVE, ".h")];
}

function filesIn(folder: string, ending: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(folder, name));
}

/** Where an addon lies, or shall lie, in an engine's folder. */
export function addonPath(addon: OwnAddon, folder: string): string {
  return join(folder, `${addon.name}-${hashOf(addon)}.node`);
}

const hashes = new Map<OwnAddon, string>();

/** Read once: while an engine is opened, each addon's path is asked for several times. */
function hashOf(addon: OwnAddon): string {
  const known = hashes.get(addon);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(JSON.stringify([addon.flags, addon.libraries]));
  for (const file of sources(addon)) hash.update(readFileSync(file));
  const digest = hash.digest("hex").slice(0, 8);
  hashes.set(addon, digest);
  return digest;
}

/** The functions of native/process.cc. */
export interface ProcessAddon {
  setVariables(variables: Readonly<Record<string, string>>): string[];
  closeStderr(): void;
  openStderr(): void;
  keepLoaded(path: string): void;
}

/**
 * Loads the addon for what belongs to the process.
 * @param bindingPath the engine's binding
 * @returns undefined where the engine has none, as the official prebuilt
 */
export function loadProcessAddon(bindingPath: string): ProcessAddon | undefined {
  const path = addonPath(PROCESS, dirname(bindingPath));
  if (!existsSync(path)) return undefined;
  return createRequire(import.meta.url)(path) as ProcessAddon;
}
