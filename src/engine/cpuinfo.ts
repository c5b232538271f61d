/** What Linux tells of this machine's processor. */
import { readFileSync } from "node:fs";

/**
 * Values of oneDNN's `$ONEDNN_MAX_CPU_ISA` (or `$DNNL_MAX_CPU_ISA`) that leave AMX out.
 * Source: oneDNN, src/cpu/x64/cpu_isa_traits.cpp, as of commit 0c3a58a0a119; others are as none.
 */
const withoutAmx =
  /^(sse41|avx|avx2(_vnni(_2)?)?|avx512_core(_vnni|_bf16|_fp16)?|avx10_1_512|avx10_2(_512)?)$/i;

/** The setting by which oneDNN, in TensorFlow and in PyTorch, is told to compute without AMX, if it is: `NAME=value`. */
export function amxLeftOut(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const name = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"].find((each) => env[each]);
  return name && withoutAmx.test(env[name] ?? "") ? `${name}=${env[name]}` : undefined;
}

/** The text of Linux's /proc/cpuinfo, without AMX where oneDNN is told to do without; empty where there is none. */
export function readCpuinfo(env: NodeJS.ProcessEnv = process.env): string {
  try {
    const text = readFileSync("/proc/cpuinfo", "utf8");
    return amxLeftOut(env) === undefined ? text : text.replace(/ amx_\w+/g, "");
  } catch {
    return "";
  }
}

/** The instructions of the first processor of such a text, as in `avx2`; on Arm its features. */
export function processorFlags(cpuinfo: string): string[] {
  const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags.split(/\s+/).filter((flag) => flag !== "");
}
