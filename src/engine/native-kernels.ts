/** Operations of our own (native/kernels/) in an engine. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { UserError } from "../errors.js";
import type { InstalledEngine } from "./installed.js";
import { addonPath, KERNELS, OWN_ADDONS } from "./own-addon.js";

/** Where the addon for an engine lies, or shall lie. */
export function kernelsPath({ folder }: Pick<InstalledEngine, "folder">): string {
  return addonPath(KERNELS, folder);
}

/** Whether an engine has what `bit-setup` gives it today. The prebuilt library does without. */
export function isComplete({ flavour, folder }: InstalledEngine): boolean {
  if (flavour === "prebuilt") return true;
  return OWN_ADDONS.every((addon) => existsSync(addonPath(addon, folder)));
}

/** The paths of our own addons that an engine has, in the order in which they are loaded. */
export function ownAddonsOf({ folder }: Pick<InstalledEngine, "folder">): string[] {
  return OWN_ADDONS.map((addon) => addonPath(addon, folder)).filter((path) => existsSync(path));
}

/**
 * What an engine lacks of what this version of bit-train computes with, and what to type, in one line;
 * undefined where it lacks nothing.
 */
export function engineRemark(engine: InstalledEngine): string | undefined {
  if (engine.flavour === "prebuilt")
    return (
      "this engine is the official prebuilt, without bit-train's own operations: it is slower, and " +
      "pixels may differ in the last grey level; for one that has them, type: npx bit-setup --cpu"
    );
  if (isComplete(engine)) return undefined;
  return (
    "this engine was set up by another version of bit-train and lacks this one's own operations: it " +
    "is slower, and pixels may differ in the last grey level; to add them, type: npx bit-setup" +
    (engine.flavour === "cpu" ? "" : ` --${engine.flavour}`)
  );
}

/** The functions of native/kernels/addon.cc. */
export interface KernelsAddon {
  /** Why the processor's matrix tiles cannot be used; empty where they can. */
  tilesMissing(): string;
  /** What is wrong with them, by small convolutions that are computed twice; empty where nothing is. */
  tilesFault(): string;
}

/**
 * Adds our operations to TensorFlow's registries, once a process, after the binding is loaded.
 * @returns undefined where the addon was not compiled, as beside the prebuilt library
 * @throws UserError where it cannot be loaded
 */
export function loadKernels(engine: InstalledEngine): KernelsAddon | undefined {
  const path = kernelsPath(engine);
  if (!existsSync(path)) return undefined;
  try {
    return createRequire(import.meta.url)(path) as KernelsAddon;
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    const other = /another version of these operations/.test(got);
    throw new UserError(
      other ? "bit-train" : path,
      other ? "another version of it has opened the engine in this process" : got,
      other ? "one version of bit-train in a process" : "operations that load",
      other
        ? "see which packages bring which: npm ls bit-train"
        : `delete the file, then type: npx bit-setup --${engine.flavour}`,
      { cause: error },
    );
  }
}
