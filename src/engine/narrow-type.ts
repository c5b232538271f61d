/** Which narrow floating-point type a device natively supports. */
import type { NarrowType } from "../graph/target.js";
import { processorFlags, readCpuinfo } from "./cpuinfo.js";
import { nvidiaDriver } from "./driver.js";

/** Of this machine's processor: bfloat16 with AVX-512 BF16, AMX or Arm's BF16. */
export function narrowTypeOfCpu(cpuinfo = readCpuinfo()): NarrowType {
  const multiplies = ["avx512_bf16", "amx_bf16", "bf16"];
  return processorFlags(cpuinfo).some((flag) => multiplies.includes(flag)) ? "bfloat16" : undefined;
}

/**
 * Of an NVIDIA GPU: bfloat16 from compute capability 8.0 on (Ampere), float16 from 7.0 on (Volta).
 * @param capability as the driver tells it, 8.6; undefined where it cannot be asked
 */
export function narrowTypeOfGpu(capability = computeCapability()): NarrowType {
  if (capability === undefined) return undefined;
  if (capability >= 8) return "bfloat16";
  return capability >= 7 ? "float16" : undefined;
}

/** The least compute capability of the GPUs here, since all of them may take part. */
function computeCapability(): number | undefined {
  const all = (nvidiaDriver()?.gpus ?? []).map(({ capability }) => capability);
  const known = all.filter((capability) => capability !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
