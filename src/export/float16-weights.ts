/** Weights that are stored in float16. */
import { firstBeyondFloat16 } from "../archive/float16.js";
import { UserError } from "../errors.js";
import type { ExportModel } from "./export-model.js";

/**
 * @param nextStep what to do where they do not
 * @throws UserError where a weight's values do not fit into float16
 */
export function requireFloat16(
  { model }: ExportModel,
  name: string,
  values: Float32Array,
  nextStep = "export it without --f16",
): void {
  const beyond = firstBeyondFloat16(values);
  if (beyond === undefined) return;
  throw new UserError(
    `${model}: '${name}'`,
    `${values[beyond]} at element ${beyond}`,
    "magnitudes up to 65504, the largest that float16 holds",
    nextStep,
  );
}
