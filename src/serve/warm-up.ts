/** What only the first predictions set up: the image's decoder, and a plan for each number of images. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sampleFolder } from "../data/known-datasets.js";
import type { Model } from "../library/model.js";

/** A large model's first answer is wait enough. */
const mostMs = 4000;
/** Sessions compute numbers of images that are powers of two; more come together seldom. */
const sizes = [1, 2, 4, 8, 16, 32];

/**
 * Predicts a sample image, then two at a time, four and so on, for a few seconds: no client should wait for
 * what these set up.
 * @throws the signal's reason
 */
export async function warmUp(model: Model, signal: AbortSignal): Promise<void> {
  const image = await readFile(join(sampleFolder(), "val", "dress", "000.png"));
  const beganMs = performance.now();
  for (const size of sizes) {
    for await (const _ of model.predict(Array<Uint8Array>(size).fill(image), { top: 1, signal }));
    if (performance.now() - beganMs > mostMs) break;
  }
}
