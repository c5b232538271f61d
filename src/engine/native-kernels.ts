/**
 * The addon with operations of our own (native/kernels/), compiled against the engine's library and
 * kept in the engine's folder. Its file's name tells the sources, so that another version of them
 * finds another file.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../package-root.js";
import type { InstalledEngine } from "./installed.js";

const sourceFolder = join(packageRoot, "native", "kernels");

/** The compiler's flags for the kernels, less folders and files. */
export const KERNEL_FLAGS: readonly string[] = [
  "-shared",
  "-fPIC",
  "-O3",
  "-std=c++17",
  "-DNAPI_VERSION=8",
];

/** The C++ files to compile. */
export function kernelSources(): string[] {
  return sources().filter((file) => file.endsWith(".cc"));
}

function sources(): string[] {
  const names = readdirSync(sourceFolder).filter((name) => /\.(cc|h)$/.test(name));
  return names.sort().map((name) => join(sourceFolder, name));
}

/** Where the addon for an engine lies, or shall lie. */
export function kernelsPath(engine: Pick<InstalledEngine, "folder">): string {
  const hash = createHash("sha256").update(JSON.stringify(KERNEL_FLAGS));
  for (const file of sources()) hash.update(readFileSync(file));
  return join(engine.folder, `bit_kernels-${hash.digest("hex").slice(0, 8)}.node`);
}

/** Whether an engine has what `bit-setup` gives it today. The prebuilt library does without kernels. */
export function isComplete(engine: InstalledEngine): boolean {
  return engine.flavour === "prebuilt" || existsSync(kernelsPath(engine));
}

let loaded = false;

/**
 * Adds our operations to TensorFlow's registries, once a process, after the binding is loaded.
 * @returns false where the addon was not compiled, as beside the prebuilt library
 */
export function loadKernels(engine: InstalledEngine): boolean {
  const path = kernelsPath(engine);
  if (!loaded && existsSync(path)) {
    createRequire(import.meta.url)(path);
    loaded = true;
  }
  return loaded;
}
