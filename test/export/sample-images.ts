/** The sample's 500 validation images, as a network takes them, and what its own model says of images. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readImageHeader } from "../../src/data/files/image-header.js";
import type { ImageShape } from "../../src/export/format.js";
import { networkLogits } from "../../src/export/network-logits.js";
import { ImageProgram } from "../../src/input/image-program.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { engine } from "../engine-for-tests.js";
import { repositoryRoot } from "../fixture-path.js";

const count = 500;

/** The paths of the images, sorted. */
export async function sampleImagePaths(): Promise<string[]> {
  const folder = join(repositoryRoot, "sample", "images", "val");
  const names = await readdir(folder, { recursive: true });
  const paths = names.filter((name) => name.endsWith(".png")).sort();
  if (paths.length !== count) throw new Error(`${paths.length} images of the sample`);
  return paths.map((name) => join(folder, name));
}

/** Images of a batch, float32 `[N,side,side,3]` in [-1, 1]. */
export interface NetworkImages {
  readonly images: Float32Array;
  readonly shape: ImageShape;
}

/**
 * The images in the order of their paths.
 * @param side to which they are resized
 */
export async function sampleImages(side: number): Promise<NetworkImages> {
  return await networkImages(await sampleImagePaths(), side);
}

/** Files' images, turned upright and resized as by default. */
export async function networkImages(
  paths: readonly string[],
  side: number,
): Promise<NetworkImages> {
  const program = new ImageProgram(engine, side, "pillow");
  const images = new Float32Array(paths.length * side * side * 3);
  try {
    for (const [i, file] of paths.entries()) {
      const header = await readImageHeader(file);
      if (!("decoder" in header)) throw new Error(`${file}: no image`);
      const { decoder, orientation } = header;
      const made = await program.make({ bytes: await readFile(file), decoder, orientation });
      const values =
        made.type === "float32"
          ? made.data
          : Float32Array.from(made.data, (level) => (level - 127.5) / 127.5);
      images.set(values, i * values.length);
    }
  } finally {
    program.close();
  }
  return { images, shape: [paths.length, side, side, 3] };
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
