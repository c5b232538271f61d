/** Where the native engine lies, for all that use it. Nothing here loads, fetches or changes it. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { hasNvidiaDriver } from "./driver.js";
import { findGpuPlugin } from "./gpu-plugin.js";
import { cacheFolder, engineName, enginesFolder, type Flavour, MANIFEST_FILE } from "./recipe.js";

export { cacheFolder } from "./recipe.js";
export type { Flavour };

/** An engine that `bit-setup` made and proved. */
export interface InstalledEngine {
  readonly folder: string;
  /** The compiled `tfjs_binding.node`. */
  readonly bindingPath: string;
  /** TensorFlow's version, as the library itself says. */
  readonly version: string;
  readonly flavour: Flavour;
  /** What it was made from, such as `PyPI wheel tensorflow-cpu==2.21.0`. */
  readonly source: string;
  /** When, in ISO 8601. */
  readonly made: string;
}

/** `engine.json`: written last, so its presence says that the folder is complete. */
export interface EngineManifest {
  readonly version: string;
  readonly flavour: Flavour;
  readonly source: string;
  readonly made: string;
  /** The binding, relative to the folder. */
  readonly binding: string;
  /** Sizes in bytes of the files without which nothing works, by path relative to the folder. */
  readonly files: Readonly<Record<string, number>>;
}

/**
 * Reads one engine's folder.
 * @returns undefined where the folder is missing, has no manifest, or lacks a file of its manifest
 *   (somebody deleted or cut it); sizes are compared, contents are not
 */
export function readEngine(folder: string): InstalledEngine | undefined {
  try {
    const manifest = JSON.parse(
      readFileSync(join(folder, MANIFEST_FILE), "utf8"),
    ) as EngineManifest;
    for (const [file, sizeBytes] of Object.entries(manifest.files))
      if (statSync(join(folder, file)).size !== sizeBytes) return undefined;
    const { version, flavour, source, made } = manifest;
    return { folder, bindingPath: join(folder, manifest.binding), version, flavour, source, made };
  } catch {
    return undefined;
  }
}

/**
 * The engine that is set up, if one is; a few file reads, well under 20 ms.
 * @param flavour only this one; else cpu before the prebuilt
 * @param prebuiltFirst whether the prebuilt comes before cpu, since it computes on a GPU that nothing
 *   else here would use: by default, with an NVIDIA driver and no plugin for it
 */
export function findEngine(
  flavour?: Flavour,
  cache: string = cacheFolder(),
  prebuiltFirst: () => boolean = () =>
    hasNvidiaDriver() && findGpuPlugin(undefined, cache) === undefined,
): InstalledEngine | undefined {
  const order: readonly Flavour[] =
    flavour !== undefined ? [flavour] : prebuiltFirst() ? ["prebuilt", "cpu"] : ["cpu", "prebuilt"];
  for (const candidate of order) {
    const engine = readEngine(join(enginesFolder(cache), engineName(candidate)));
    if (engine !== undefined) return engine;
  }
  return undefined;
}

/**
 * As findEngine, for those who cannot go on without one.
 * @throws UserError when no engine is set up
 */
export function requireEngine(flavour?: Flavour, cache: string = cacheFolder()): InstalledEngine {
  const engine = findEngine(flavour, cache);
  if (engine !== undefined) return engine;
  throw new UserError(
    "native engine",
    `the engine is not set up: nothing usable in ${enginesFolder(cache)}`,
    flavour === undefined ? "an engine made by bit-setup" : `a ${flavour} engine made by bit-setup`,
    `type: npx bit-setup${flavour === undefined ? "" : ` --${flavour}`}`,
  );
}
