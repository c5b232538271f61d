/**
 * Fashion-MNIST from its four gzipped IDX files.
 * Format: a magic number, the sizes as big-endian int32, then bytes; see yann.lecun.com/exdb/mnist.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Split } from "../../src/data/dataset.js";

/** Height and width of every image. */
export const side = 28;

/** Its classes by label, under names that any file system takes. */
export const classNames = [
  "t-shirt-top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle-boot",
] as const;

export type ClassName = (typeof classNames)[number];

/** Images of one part: `images` uint8 `[n, 28, 28]`, and the label of each. */
export interface Part {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Reads the training set (60,000 images) or the test set (10,000) from the folder of the files. */
export async function readPart(folder: string, part: "train" | "t10k"): Promise<Part> {
  const images = await readIdx(join(folder, `${part}-images-idx3-ubyte.gz`), [side, side]);
  const labels = await readIdx(join(folder, `${part}-labels-idx1-ubyte.gz`), []);
  if (images.length !== labels.length * side * side)
    throw new Error(`${folder}: ${part} has ${labels.length} labels for another number of images`);
  return { images, labels };
}

/** Where the images of a class stand in a part, in its order. */
export function indicesOf({ labels }: Part, name: ClassName): number[] {
  const label = classNames.indexOf(name);
  return [...labels.keys()].filter((index) => labels[index] === label);
}

/** One image, uint8 `[28, 28]`. */
export function imageAt({ images }: Part, index: number): Uint8Array {
  return images.subarray(index * side * side, (index + 1) * side * side);
}

/** All images of these classes, grey as RGB; labels count in the order of `names`. */
export function splitOf(part: Part, names: readonly ClassName[]): Split {
  const chosen = names.flatMap((name, label) => {
    return indicesOf(part, name).map((index) => ({ index, label }));
  });
  const pixels = new Uint8Array(chosen.length * side * side * 3);
  let to = 0;
  for (const { index } of chosen)
    for (const grey of imageAt(part, index)) {
      pixels.fill(grey, to, to + 3);
      to += 3;
    }
  return {
    images: { kind: "pixels", pixels, height: side, width: side },
    labels: Int32Array.from(chosen, ({ label }) => label),
  };
}

/** The bytes of an IDX file of uint8 whose sizes after the first are `rest`. */
async function readIdx(path: string, rest: readonly number[]): Promise<Uint8Array> {
  const bytes = gunzipSync(await readFile(path));
  const sizes = [0, ...rest].map((_, i) => bytes.readInt32BE(4 + 4 * i));
  const start = 4 + 4 * sizes.length;
  const count = sizes.reduce((product, size) => product * size);
  const isUint8 = bytes.readInt32BE(0) === 0x0800 + sizes.length;
  const fits = rest.every((size, i) => sizes[i + 1] === size) && bytes.length === start + count;
  if (!isUint8 || !fits) throw new Error(`${path}: not an IDX file of uint8 [n, ${rest}]`);
  return bytes.subarray(start);
}
