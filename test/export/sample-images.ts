/** The sample's 500 validation images, as a network takes them, and what its own model says of images. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageShape } from "../../src/export/format.js";
import { networkLogits } from "../../src/export/network-logits.js";
import { ImageProgram } from "../../src/input/image-program.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { engine } from "../engine-for-tests.js";
import { repositoryRoot } from "../fixture-path.js";

const count = 500;

/**
 * Images in the order of their paths, resized as by default, in [-1, 1].
 * @param side to which they are resized
 */
export async function sampleImages(
  side: number,
): Promise<{ readonly images: Float32Array; readonly shape: ImageShape }> {
  const folder = join(repositoryRoot, "sample", "images", "val");
  const paths = await readdir(folder, { recursive: true });
  const files = paths.filter((path) => path.endsWith(".png")).sort();
  if (files.length !== count) throw new Error(`${files.length} images of the sample`);
  const program = new ImageProgram(engine, side, "pillow");
  const images = new Float32Array(count * side * side * 3);
  try {
    for (const [i, file] of files.entries()) {
      const bytes = await readFile(join(folder, file));
      const made = await program.make({ bytes, decoder: "jpeg-or-png", orientation: 1 });
      const values =
        made.type === "float32"
          ? made.data
          : Float32Array.from(made.data, (level) => (level - 127.5) / 127.5);
      images.set(values, i * values.length);
    }
  } finally {
    program.close();
  }
  return { images, shape: [count, side, side, 3] };
}

/** Logits of the sample's model, before it is exported. */
export async function expectedLogits(
  images: Float32Array,
  shape: ImageShape,
): Promise<Float32Array> {
  return networkLogits(await findTrainedModel(sampleWeights()), engine, images, shape);
}

/** The class of the largest logit of each image. */
export function topClasses(logits: Float32Array, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}
