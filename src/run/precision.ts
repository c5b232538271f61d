/** In which type a run computes convolutions and the element-wise work between them. */
import { UserError } from "../errors.js";
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

/**
 * The same target, but for the precision.
 * @throws UserError where a setting in the environment leaves out what it takes
 */
export function inPrecision(target: Target, precision: Precision): Target {
  const computeType = computeTypes[precision];
  const setting = computeType === "float32" ? undefined : target.leftOut?.(computeType);
  if (setting === undefined) return inType(target, computeType);
  throw new UserError(
    setting,
    `leaves out the instructions by which this processor's TensorFlow convolves ${computeType}`,
    `a value that has them (${computeType === "bfloat16" ? "AVX512_CORE" : "AVX512_CORE_FP16"}), or another precision`,
    `type --precision fp32, or unset ${setting.replace(/=.*/, "")}`,
  );
}
