/**
 * tfjs-node's compiled binding to TensorFlow's C API, typed. This is the one file that touches it.
 * Source: tfjs-node binding/tfjs_backend.cc and src/tfjs_binding.ts.
 */
import { createRequire } from "node:module";
import { UserError } from "../errors.js";
import { loadProcessAddon } from "./own-addon.js";
import { requireThreadCounts } from "./thread-count.js";

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

/** The variables that TensorFlow and the libraries below it read. */
const SETTINGS = /^(TF|XLA|CUDA|CUDNN|CUBLAS|NCCL|NVIDIA|OMP|KMP|ONEDNN|DNNL)_/;

/**
 * Loads the native library into this thread, once. Each thread that does so has tensors and sessions of
 * its own; the library itself, its thread pools and its settings are the process's.
 * @param path the compiled `tfjs_binding.node`
 * @throws UserError where the library is open in another thread with other settings, or a number of threads is none
 */
export function loadBinding(path: string, settings: EngineSettings = {}): TensorflowBinding {
  if (loaded !== undefined) return loaded;
  requireThreadCounts();
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
  const addon = loadProcessAddon(path);
  const others = addon?.setVariables(environmentSettings()) ?? [];
  if (others.length > 0) throw openElsewhere(others);
  // Where nobody wants to see them.
  const quiet = process.env["TF_CPP_MIN_LOG_LEVEL"] === "3";
  if (quiet) addon?.closeStderr();
  try {
    loaded = require(path) as TensorflowBinding;
  } finally {
    if (quiet) addon?.openStderr();
  }
  addon?.keepLoaded(path);
  return loaded;
}

/** Those in this thread's environment, which in a worker is a copy that native code does not see. */
function environmentSettings(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && SETTINGS.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

function openElsewhere(names: readonly string[]): UserError {
  return new UserError(
    names.join(", "),
    "the engine is open already in another thread, with another value",
    "the same settings in all threads of a process: the library reads them once",
    "set them in the process's environment, before the first thread opens the engine",
  );
}
