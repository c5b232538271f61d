/** Whether PyTorch computes the same function as bit-train, before their speeds are compared. */
import { join } from "node:path";
import { readNpy } from "../../src/archive/npy.js";
import { UserError } from "../../src/errors.js";
import { mustRun } from "./child.js";
import { makeImages } from "./made-data.js";
import type { BenchPlaces } from "./own-subjects.js";
import type { Torch } from "./torch-subjects.js";

/** How near PyTorch's logits are to ours. */
export interface LogitsCheck {
  readonly archive: string;
  readonly images: number;
  readonly resolution: number;
  readonly classes: number;
  /** The largest difference, as a part of the largest logit. */
  readonly deviation: number;
}

/** float32 sums of thousands of products in different orders: 1e-4 is ten times what is seen. */
export const logitsTolerance = 1e-4;

/**
 * Compares the logits of both for the same images and the same archive.
 * @throws UserError where they differ: the times would then be of different networks
 */
export async function checkLogits(
  torch: Torch,
  { root, data }: BenchPlaces,
  archive: string,
  { model, images, resolution }: { model: string; images: number; resolution: number },
): Promise<LogitsCheck> {
  const fed = join(data, `images-${images}x${resolution}.npy`);
  await makeImages(fed, images, resolution);
  const [ours, theirs] = [join(data, "logits.npy"), join(data, "torch-logits.npy")];
  const predict = [join(root, "bin/bit-predict.js"), fed, "--weights", archive, "--json"];
  const args = [...predict, "--model", model, "--precision", "fp32", "--logits", ours];
  await mustRun({ program: process.execPath, args });
  await mustRun(torch("logits", { model, archive, images: fed, out: theirs }));
  const [a, b] = [await readNpy(ours), await readNpy(theirs)];
  const deviation = relativeDeviation(Array.from(a.data, Number), Array.from(b.data, Number));
  if (!(deviation <= logitsTolerance))
    throw new UserError(
      archive,
      `PyTorch's logits differ from ours by ${deviation.toExponential(1)} of the largest`,
      `at most ${logitsTolerance}`,
      "compare bench/torch/model.py with src/model",
    );
  return { archive, images, resolution, classes: a.shape.at(-1)!, deviation };
}

/** The largest |a - b| divided by the largest |a|; infinite where lengths differ. */
export function relativeDeviation(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (const [i, value] of a.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - b[i]!));
  }
  return difference / largest;
}
