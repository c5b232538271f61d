/**
 * What an engine is made of and where it lies. A change here changes the recipe's hash, so that an
 * engine made by an older recipe is left alone and a new one is made beside it.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../cache-folder.js";

export { cacheFolder };

/** `cpu` comes from TensorFlow's Python wheel, `prebuilt` from tfjs-node-gpu's makers. */
export type Flavour = "cpu" | "prebuilt";

/** The npm package that holds the binding's sources, and whose makers host the prebuilt. */
export const BINDING_PACKAGE = { name: "@tensorflow/tfjs-node-gpu", version: "4.22.0" } as const;

const TENSORFLOW_VERSION = "2.21.0";

/** The libtensorflow that the binding package's own install script brings, by processor. */
const PREBUILT_TENSORFLOW_VERSION: Readonly<Record<string, string>> = {
  x64: "2.9.1",
  arm64: "2.7.0",
};

const GIB = 2 ** 30;

/** What the set-up of one flavour fetches and needs. Sizes were measured, then rounded up. */
export interface Recipe {
  readonly flavour: Flavour;
  readonly tensorflowVersion: string;
  /** pip's requirement of the wheel; undefined for the prebuilt. */
  readonly requirement: string | undefined;
  /** The size of the wheel or of the prebuilt's archive: what a progress bar counts up to. */
  readonly downloadBytes: number;
  /** The most that lies on the disk at once: pip's copy, the wheel, what is unpacked of it. */
  readonly peakDiskBytes: number;
}

/**
 * The recipe of a flavour on a processor (`process.arch`). TensorFlow's CPU-only package has no arm64
 * wheel; there, the main package's wheel is the one without CUDA.
 */
export function recipeFor(flavour: Flavour, arch: string = process.arch): Recipe {
  switch (flavour) {
    case "cpu":
      return {
        flavour,
        tensorflowVersion: TENSORFLOW_VERSION,
        requirement: `${arch === "arm64" ? "tensorflow" : "tensorflow-cpu"}==${TENSORFLOW_VERSION}`,
        downloadBytes: 274e6,
        peakDiskBytes: 1.3 * GIB,
      };
    case "prebuilt":
      return {
        flavour,
        tensorflowVersion: PREBUILT_TENSORFLOW_VERSION[arch] ?? "2.9.1",
        requirement: undefined,
        downloadBytes: 400e6,
        peakDiskBytes: 2.5 * GIB,
      };
  }
}

/** What of a TensorFlow wheel is unpacked: the two libraries, the headers of the C API and of PJRT's. */
export const WHEEL_PREFIXES: readonly string[] = [
  "tensorflow/libtensorflow_cc.so.2",
  "tensorflow/libtensorflow_framework.so.2",
  "tensorflow/include/tensorflow/c/",
  "tensorflow/include/tensorflow/core/platform/ctstring",
  "tensorflow/include/tensorflow/core/common_runtime/next_pluggable_device/c/",
  "tensorflow/include/tsl/platform/ctstring",
  "tensorflow/include/tsl/platform/platform.h",
  "tensorflow/include/xla/tsl/c/",
  "tensorflow/include/xla/pjrt/c/pjrt_c_api.h",
];

/** The C++ compiler's flags, less folders and files. */
export const COMPILE_FLAGS: readonly string[] = [
  "-shared",
  "-fPIC",
  "-O2",
  "-std=c++17",
  "-DNAPI_VERSION=8",
];

/** Raised when the layout of an engine's folder changes. */
const LAYOUT = 2;

/** The name of an engine's folder, such as `tensorflow-2.21.0-cpu-linux-x64-3f2a91c0`. */
export function engineName(
  flavour: Flavour,
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const recipe = recipeFor(flavour, arch);
  const ingredients = [
    LAYOUT,
    recipe.requirement,
    // Of a former ingredient, so that the engines that were made with it keep their name.
    null,
    BINDING_PACKAGE,
    ...(flavour === "prebuilt" ? [] : [WHEEL_PREFIXES, COMPILE_FLAGS]),
  ];
  const hash = createHash("sha256").update(JSON.stringify(ingredients)).digest("hex").slice(0, 8);
  return `tensorflow-${recipe.tensorflowVersion}-${flavour}-${platform}-${arch}-${hash}`;
}

/** The folder of all engines in a cache folder. */
export function enginesFolder(cache: string = cacheFolder()): string {
  return join(cache, "engine");
}
