/** What the CPU's engine gives for the checked step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.js";
import type { StepRequest } from "./step.js";

/** The step of which the numbers are compared with the CPU engine's. */
export const checkedStep: StepRequest = {
  model: "R14x0.5",
  mode: "train",
  batch: 8,
  size: 32,
  type: "float32",
};

export const referencesFile = join(packageRoot, "bench/gpu/references.json");

/** Losses of five runs of `checkedStep` in TensorFlow. */
export function readReferences(): { readonly losses: readonly number[] } {
  return JSON.parse(readFileSync(referencesFile, "utf8"));
}
