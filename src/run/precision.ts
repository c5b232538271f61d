/** In which type a run computes convolutions and the element-wise work between them. */
import { type ComputeType, inType, type Target } from "../graph/target.js";
import type { Precision } from "../settings/choices.js";

/** The graph's type for a precision. */
export const computeTypes = {
  fp32: "float32",
  bf16: "bfloat16",
  fp16: "float16",
} as const satisfies Readonly<Record<Precision, ComputeType>>;

/** What a target computes fastest: bf16 or fp16 where its device natively supports that. */
export function defaultPrecision({ narrowType }: Pick<Target, "narrowType">): Precision {
  const narrow = narrowType();
  if (narrow === "bfloat16") return "bf16";
  return narrow === "float16" ? "fp16" : "fp32";
}

/** The same target, but for the precision. */
export function inPrecision(target: Target, precision: Precision): Target {
  return inType(target, computeTypes[precision]);
}
