/** Where the native engine lies, for all that use it. Nothing here loads, fetches or changes it. */
import { join } from "node:path";
import { UserError } from "../errors.js";
import { hasNvidiaDriver } from "./driver.js";
import { findGpuPlugin } from "./gpu-plugin.js";
import { type Manifest, readManifest } from "./manifest.js";
import { cacheFolder, engineName, enginesFolder, type Flavour } from "./recipe.js";

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

/** An engine's. */
export interface EngineManifest extends Manifest {
  readonly flavour: Flavour;
  /** The binding, relative to the folder. */
  readonly binding: string;
}

/** Reads one engine's folder; undefined where `readManifest` finds nothing whole there. */
function readEngine(folder: string): InstalledEngine | undefined {
  return readManifest(folder, (manifest: EngineManifest) => {
    const { binding, version, flavour, source, made } = manifest;
    return { folder, bindingPath: join(folder, binding), version, flavour, source, made };
  });
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
