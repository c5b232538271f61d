/** In which type a run computes convolutions and the element-wise work between them. */
import type { Engine } from "../engine/session.js";
import type { ComputePolicy, ComputeType } from "../graph/compute-policy.js";
import type { InputPolicy } from "../input/pipeline.js";
import type { Precision } from "../settings/choices.js";

export type { Precision };

/** The graph's type for a precision. */
export const computeTypes: Readonly<Record<Precision, ComputeType>> = {
  fp32: "float32",
  bf16: "bfloat16",
  fp16: "float16",
};

/** What an engine's device computes fastest: bf16 or fp16 where it multiplies that by itself. */
export function defaultPrecision({ narrowType }: Pick<Engine, "narrowType">): Precision {
  if (narrowType === "bfloat16") return "bf16";
  return narrowType === "float16" ? "fp16" : "fp32";
}

/** How an engine makes images. */
export function inputPolicy({
  kernels,
  deviceMemoryBytes,
}: Pick<Engine, "kernels" | "deviceMemoryBytes">) {
  const device = deviceMemoryBytes === undefined ? "CPU" : "GPU";
  return { kernels, device } satisfies InputPolicy;
}

/** How an engine computes in a precision. */
export function computePolicy(
  { fused, ownConvolutions }: Pick<Engine, "fused" | "ownConvolutions">,
  precision: Precision,
) {
  return { computeType: computeTypes[precision], fused, ownConvolutions } satisfies ComputePolicy;
}
