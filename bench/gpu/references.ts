/** What the CPU's engine gives for the checked step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.js";

/** Losses of five steps of R14x0.5, batch 8, 32 px, float32, in TensorFlow. */
export function readReferences(): { readonly losses: readonly number[] } {
  return JSON.parse(readFileSync(join(packageRoot, "bench/gpu/references.json"), "utf8"));
}
