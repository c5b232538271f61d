/**
 * tfjs-node's compiled binding to TensorFlow's C API, typed. This is the one file that touches it.
 * Source: tfjs-node binding/tfjs_backend.cc and src/tfjs_binding.ts.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ElementType, typeNumber } from "../graph/types.js";

/** What the binding tells of a tensor that it holds. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export type TensorValues = Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint8Array[];

/** The part of the binding that sessions use. Eager code hands the whole object to TF.js. */
export interface TensorflowBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  createTensor(shape: readonly number[], dtype: number, values: TensorValues): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TensorValues;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** `inputs` and `outputs` are node outputs (`name:0`), joined by commas. */
  runSavedModel(id: number, feeds: number[], inputs: string, outputs: string): TensorMetadata[];
  getNumOfTensors(): number;
}

const require = createRequire(import.meta.url);

let loaded: TensorflowBinding | undefined;

/** The environment settings that TensorFlow reads while it loads. They last for the process. */
export interface EngineSettings {
  readonly intraOpThreads?: number;
  readonly interOpThreads?: number;
}

/**
 * Loads the native library into this process, once.
 * @param path the compiled `tfjs_binding.node`
 */
export function loadBinding(path: string, settings: EngineSettings = {}): TensorflowBinding {
  if (loaded !== undefined) return loaded;
  const defaults: Record<string, string> = {
    // TensorFlow's own lines would stand among ours. Its errors are thrown, and told once.
    TF_CPP_MIN_LOG_LEVEL: "3",
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    // TensorFlow itself turns oneDNN on only where there is AVX-512; with AVX2 it is as worthwhile.
    TF_ENABLE_ONEDNN_OPTS: "1",
  };
  if (settings.intraOpThreads !== undefined)
    defaults["TF_NUM_INTRAOP_THREADS"] = String(settings.intraOpThreads);
  if (settings.interOpThreads !== undefined)
    defaults["TF_NUM_INTEROP_THREADS"] = String(settings.interOpThreads);
  for (const [name, value] of Object.entries(defaults)) process.env[name] ??= value;
  loaded = quietly(path, () => require(path) as TensorflowBinding);
  return loaded;
}

/** The file beside the binding that opens and closes standard error for native code. */
export const GATE_FILE = "stderr_gate.node";

/** Runs `load` with standard error closed, where the engine has the means and nobody wants to see. */
function quietly<T>(path: string, load: () => T): T {
  const file = join(dirname(path), GATE_FILE);
  // The official prebuilt comes without; it has less to say.
  if (process.env["TF_CPP_MIN_LOG_LEVEL"] !== "3" || !existsSync(file)) return load();
  const gate = require(file) as { close(): void; open(): void };
  gate.close();
  try {
    return load();
  } finally {
    gate.open();
  }
}

const typeByNumber = new Map<number, ElementType>(
  Object.entries(typeNumber).map(([name, number]) => [number, name as ElementType]),
);

/** The element type that TensorFlow counts as `number`. */
export function typeOf(number: number): ElementType {
  const type = typeByNumber.get(number);
  if (type === undefined) throw new Error(`TensorFlow's element type ${number} is not known here`);
  return type;
}
