/** What a benchmark's figures depend on beside the code. */
import { availableParallelism, cpus } from "node:os";
import { processorFlags, readCpuinfo } from "../engine/cpuinfo.js";
import { narrowTypeOfCpu } from "../engine/narrow-type.js";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Vector and matrix instructions, as in `avx2`, in the words of Linux's /proc/cpuinfo. */
  readonly instruction_sets: readonly string[];
  /** Whether the CPU multiplies bfloat16 numbers itself. */
  readonly cpu_bf16: boolean;
  /** Environment variables that change the engine's speed or memory, where they are set. */
  readonly settings: Readonly<Record<string, string>>;
}

const settingNames = [
  /^TF_(ENABLE_ONEDNN_OPTS|NUM_INTRAOP_THREADS|NUM_INTEROP_THREADS|XLA_FLAGS|SET_ONEDNN)/,
  /^(BIT_TILES$|BIT_NORMALIZATION$|BIT_CONVOLUTIONS$|ONEDNN_|DNNL_|OMP_|MALLOC_|GLIBC_TUNABLES$|LD_PRELOAD$|CUDA_VISIBLE_DEVICES$)/,
];

/** The machine and the environment of this process. */
export function thisMachine(): Machine {
  const settings = Object.entries(process.env).filter(([name]) => {
    return settingNames.some((pattern) => pattern.test(name));
  });
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    instruction_sets: instructionSets(),
    cpu_bf16: narrowTypeOfCpu() === "bfloat16",
    settings: Object.fromEntries(settings) as Record<string, string>,
  };
}

/**
 * The vector and matrix instructions that decide how fast a network computes.
 * @param cpuinfo the text of Linux's /proc/cpuinfo, empty where there is none
 */
export function instructionSets(cpuinfo: string = readCpuinfo()): string[] {
  return processorFlags(cpuinfo).filter((flag) => /^(fma|avx|amx|asimd|sve|bf16|i8mm)/.test(flag));
}
