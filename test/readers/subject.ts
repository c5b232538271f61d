/** What every reader is compared on: a model, images as it takes them, and bit-predict's logits of them. */
import { writeFile } from "node:fs/promises";
import { encodeNpy, readNpy } from "../../src/archive/npy.js";
import { largestDifference } from "../../src/export/golden.js";
import { writeDeterministic } from "../export/hub-model.js";
import { networkImages, sampleImagePaths, topClasses } from "../export/sample-images.js";
import { program, sampleRun } from "./exported.js";
import { once } from "./once.js";
import { photos } from "./photos.js";

export const side = 48;

/** Photos come first, then the sample's 500. */
export const photoCount = 40;

/** Paths of the photos and of the sample's validation images. */
export async function imagePaths(): Promise<string[]> {
  const paths = [...(await photos()), ...(await sampleImagePaths())];
  if (paths.length !== 540) throw new Error(`${paths.length} images`);
  return paths;
}

/** The path of an .npy of all images as the network takes them: float32 `[540,48,48,3]` in [-1, 1]. */
export function imagesFile(): Promise<string> {
  return once("images.npy", async (path) => {
    const { images: data, shape } = await networkImages(await imagePaths(), side);
    await writeFile(path, encodeNpy({ shape, data }, path));
  });
}

/** A model that is exported and read. */
export interface Subject {
  readonly name: string;
  /** What `bit-export` takes. */
  readonly source: () => Promise<string>;
  /** More flags of `bit-export` and `bit-predict`. */
  readonly flags: readonly string[];
}

/** The sample, fine-tuned. */
export const sample: Subject = { name: "sample", source: sampleRun, flags: [] };

/** The smallest architecture that timm has, with weights out of a formula. */
export const r50x1: Subject = {
  name: "r50x1",
  source: () => once("R50x1.npz", (path) => writeDeterministic(path, "R50x1")),
  flags: ["--model", "R50x1", "--size", String(side)],
};

/** The folder of an export, made once. */
export async function exportOf(subject: Subject, format: string): Promise<string> {
  const source = await subject.source();
  return await once(`${subject.name}-${format}`, (path) =>
    program("bit-export", [source, ...subject.flags, "--to", format, "--out", path]),
  );
}

/** bit-predict's logits of all images, `[540, classes]`, computed in float32. */
export async function predicted(
  subject: Subject,
): Promise<{ logits: Float32Array; classes: number }> {
  const paths = await imagePaths();
  const source = await subject.source();
  const file = await once(`logits-${subject.name}.npy`, (path) =>
    program("bit-predict", [
      ...paths,
      ...[subject === sample ? "--run" : "--weights", source],
      ...[...subject.flags, "--precision", "fp32", "--json", "--logits", path],
    ]),
  );
  const { shape, data } = await readNpy(file);
  return { logits: data as Float32Array, classes: shape[1]! };
}

/** How a reader's logits compare with bit-predict's. */
export interface Agreement {
  readonly images: number;
  /** Images whose largest logit is another class's. */
  readonly otherClasses: number;
  /** As a share of each image's spread. */
  readonly difference: number;
}

/**
 * @param logits of images one after another
 * @param first the first of these images
 */
export async function agreement(
  subject: Subject,
  logits: Float32Array,
  first = 0,
): Promise<Agreement> {
  const { logits: all, classes } = await predicted(subject);
  const expected = all.subarray(first * classes, first * classes + logits.length);
  const [tops, expectedTops] = [topClasses(logits, classes), topClasses(expected, classes)];
  return {
    images: logits.length / classes,
    otherClasses: tops.filter((top, i) => top !== expectedTops[i]).length,
    difference: largestDifference(logits, expected, classes),
  };
}
