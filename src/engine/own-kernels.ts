/** For which processors convolutions and gradients of native/kernels/ were written and found faster. */
import { readFileSync } from "node:fs";

/** What Linux tells of the processor; empty elsewhere. */
export function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/**
 * Whether our convolutions of bfloat16 by vectors are for a processor: x86-64, but not with AMX, whose tiles
 * TensorFlow's use, and ours where tiles.ts finds them.
 */
export function suitsOwnConvolutions(
  arch: string = process.arch,
  cpuinfo: string = readCpuinfo(),
): boolean {
  return arch === "x64" && !flags(cpuinfo).has("amx_bf16");
}

// Measured: below it packing costs more than what TensorFlow's loses (bench/NOTES.md).
const leastProducts = 128;

/**
 * From how many products for each value that it packs our gradient of a float32 kernel is faster than TensorFlow's:
 * on x86-64 with AVX2 and no AVX-512, for which TensorFlow's runs at half the rate of its convolutions. With AVX-512
 * it is as fast as these.
 */
export function filterGradientsFrom(
  arch: string = process.arch,
  cpuinfo: string = readCpuinfo(),
): number {
  const has = flags(cpuinfo);
  const slow = arch === "x64" && has.has("avx2") && has.has("fma") && !has.has("avx512f");
  return slow ? leastProducts : Infinity;
}

function flags(cpuinfo: string): ReadonlySet<string> {
  const [, line = ""] = /^flags\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return new Set(line.trim().split(/\s+/));
}
