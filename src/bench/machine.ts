/** What a benchmark's figures depend on beside the code. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Whether the CPU multiplies bfloat16 numbers itself. */
  readonly cpu_bf16: boolean;
  /** Environment variables that change the engine's speed or memory, where they are set. */
  readonly settings: Readonly<Record<string, string>>;
}

const settingNames = [
  /^TF_(ENABLE_ONEDNN_OPTS|NUM_INTRAOP_THREADS|NUM_INTEROP_THREADS|XLA_FLAGS|SET_ONEDNN)/,
  /^(ONEDNN_|OMP_|MALLOC_|GLIBC_TUNABLES$|LD_PRELOAD$|CUDA_VISIBLE_DEVICES$)/,
];

/** The machine and the environment of this process. */
export function thisMachine(): Machine {
  const settings = Object.entries(process.env).filter(([name]) => {
    return settingNames.some((pattern) => pattern.test(name));
  });
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    cpu_bf16: cpuHasBfloat16(),
    settings: Object.fromEntries(settings) as Record<string, string>,
  };
}

/**
 * Whether the CPU has instructions for bfloat16 products (AVX-512 BF16 or AMX). Without them bf16
 * is emulated and far slower than fp32.
 * @param cpuinfo the text of Linux's /proc/cpuinfo, empty where there is none
 */
export function cpuHasBfloat16(cpuinfo: string = readCpuinfo()): boolean {
  return /^(flags|Features)\s*:.*\b(avx512_bf16|amx_bf16|bf16)\b/m.test(cpuinfo);
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
