/** For which processors convolutions and gradients of native/kernels/ were written and found faster. */
import { processorFlags } from "./cpuinfo.js";

/**
 * Whether our convolutions of bfloat16 by vectors are for a processor: x86-64, but not with AMX, whose tiles
 * TensorFlow's use, and ours where tiles.ts finds them.
 */
export function suitsOwnConvolutions(cpuinfo: string, arch: string = process.arch): boolean {
  return arch === "x64" && !processorFlags(cpuinfo).includes("amx_bf16");
}

// Measured: below it packing costs more than what TensorFlow's loses (bench/NOTES.md).
const leastProducts = 128;

/**
 * From how many products for each value that it packs our gradient of a float32 kernel is faster than TensorFlow's:
 * on x86-64 with AVX2 and no AVX-512, for which TensorFlow's runs at half the rate of its convolutions. With AVX-512
 * it is as fast as these.
 */
export function filterGradientsFrom(cpuinfo: string, arch: string = process.arch): number {
  const flags = processorFlags(cpuinfo);
  const hasAvx2 = arch === "x64" && flags.includes("avx2") && flags.includes("fma");
  return hasAvx2 && !flags.includes("avx512f") ? leastProducts : Infinity;
}
