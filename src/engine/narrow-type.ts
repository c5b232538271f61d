/** Which narrow floating-point type a device multiplies by itself. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A type in which convolutions run faster than in float32, or none. */
export type NarrowType = "bfloat16" | "float16" | undefined;

/** Of this machine's processor: bfloat16 with AVX-512 BF16, AMX or Arm's BF16. */
export function narrowTypeOfCpu(cpuinfo = readText("/proc/cpuinfo")): NarrowType {
  const multiplies = /^(flags|Features)\s*:.*\b(avx512_bf16|amx_bf16|bf16)\b/m.test(cpuinfo);
  return multiplies ? "bfloat16" : undefined;
}

/**
 * Whether a processor is one for which our own convolutions of bfloat16 were written: x86-64, but not
 * with AMX, whose tiles only TensorFlow's use.
 */
export function suitsOwnConvolutions(
  arch: string = process.arch,
  cpuinfo = readText("/proc/cpuinfo"),
): boolean {
  return arch === "x64" && !/^flags\s*:.*\bamx_bf16\b/m.test(cpuinfo);
}

/**
 * Of an NVIDIA GPU: bfloat16 from compute capability 8.0 on (Ampere), float16 from 7.0 on (Volta).
 * @param capability as `nvidia-smi` tells it, `8.6`; undefined where it cannot be asked
 */
export function narrowTypeOfGpu(capability = computeCapability()): NarrowType {
  const version = Number(capability);
  if (version >= 8) return "bfloat16";
  return version >= 7 ? "float16" : undefined;
}

/** The least compute capability of the GPUs here, since all of them may take part. */
function computeCapability(): string | undefined {
  try {
    const query = ["--query-gpu=compute_cap", "--format=csv,noheader"];
    const told = execFileSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
    const all = told.split("\n").filter((line) => line.trim() !== "");
    return all.sort((a, b) => Number(a) - Number(b))[0];
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
