/** What Linux tells of this machine's processor. */
import { readFileSync } from "node:fs";

/**
 * Values of oneDNN's `$ONEDNN_MAX_CPU_ISA` (or `$DNNL_MAX_CPU_ISA`) that leave AMX out, and of these the ones with
 * AVX-512, and with its float16. Source: oneDNN, src/cpu/x64/cpu_isa_traits.cpp, as of commit 0c3a58a0a119; others are
 * as none.
 */
const withoutAmx =
  /^(sse41|avx|avx2(_vnni(_2)?)?|avx512_core(_vnni|_bf16|_fp16)?|avx10_1_512|avx10_2(_512)?)$/i;
const withWide = /^avx(512|10)_/i;
const withWideFloat16 = /^avx(512_core_fp16|10_)/i;

/** Such a setting: `NAME=value` and its value. */
function limitOf(env: NodeJS.ProcessEnv): { setting: string; isa: string } | undefined {
  const name = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"].find((each) => env[each]);
  const isa = (name && env[name]) ?? "";
  return withoutAmx.test(isa) ? { setting: `${name}=${isa}`, isa } : undefined;
}

/** The setting by which oneDNN, in TensorFlow and in PyTorch, is told to compute without AMX, if it is: `NAME=value`. */
export function amxLeftOut(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return limitOf(env)?.setting;
}

/**
 * The setting by which TensorFlow cannot convolve a narrow type, if there is one: it leaves bfloat16 to oneDNN on
 * processors with AVX-512 and float16 on those with AVX-512 FP16, whatever oneDNN is told to do without.
 * @param flags the processor's
 */
export function narrowTypeLeftOut(
  type: "bfloat16" | "float16",
  env: NodeJS.ProcessEnv = process.env,
  flags: readonly string[] = processorFlags(cpuinfoOf()),
): string | undefined {
  const limit = limitOf(env);
  if (limit === undefined || /^(0|false)$/i.test(env["TF_ENABLE_ONEDNN_OPTS"] ?? ""))
    return undefined;
  const [instructions, within] =
    type === "bfloat16"
      ? (["avx512f", withWide] as const)
      : (["avx512_fp16", withWideFloat16] as const);
  return flags.includes(instructions) && !within.test(limit.isa) ? limit.setting : undefined;
}

/** The text of Linux's /proc/cpuinfo, without AMX where oneDNN is told to do without; empty where there is none. */
export function readCpuinfo(env: NodeJS.ProcessEnv = process.env): string {
  const text = cpuinfoOf();
  return amxLeftOut(env) === undefined ? text : text.replace(/ amx_\w+/g, "");
}

function cpuinfoOf(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/** The instructions of the first processor of such a text, as in `avx2`; on Arm its features. */
export function processorFlags(cpuinfo: string): string[] {
  const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags.split(/\s+/).filter((flag) => flag !== "");
}
