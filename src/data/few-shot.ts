/** Few-shot training sets: a few examples of each class, and a split cut down to them. */

import { UserError } from "../errors.js";
import { randomStream } from "../recipe/keyed-random.js";
import { type Dataset, exampleName, type Split, takeFiles } from "./dataset.js";
import { shuffledClasses } from "./stratified-split.js";
import { tsvLine } from "./tsv-line.js";

/**
 * A few examples of each class, drawn without replacement.
 * @param labels `[n]`
 * @param classNames names of the classes, for the message
 * @param count how many of each, an integer >= 1
 * @param seed a safe integer
 * @returns `[count * classNames.length]` indices into `labels`, ascending
 * @throws UserError if a class has fewer, naming all such classes
 */
export function selectExamplesPerClass(
  labels: Int32Array,
  classNames: readonly string[],
  count: number,
  seed: number,
): Int32Array {
  if (!Number.isInteger(count) || count < 1)
    throw new UserError(
      "--examples_per_class",
      String(count),
      "an integer from 1 on",
      "leave it out to train on every example",
    );
  const classes = shuffledClasses(labels, classNames.length, randomStream.fewShot, seed);
  const short = classNames
    .map((name, label) => ({ name, has: classes[label]!.length }))
    .filter(({ has }) => has < count);
  if (short.length > 0) {
    const each = short.map(({ name, has }) => `${name} (${has})`).join(", ");
    throw new UserError(
      `--examples_per_class ${count}`,
      `too few training examples of ${each}`,
      `at least ${count} of each class`,
      `ask for at most ${Math.min(...short.map(({ has }) => has))}, or add images`,
    );
  }
  return Int32Array.from(classes.flatMap((indices) => [...indices.subarray(0, count)])).sort();
}

/**
 * The examples at some indices, in that order.
 * @param indices `[n]`, each in [0, number of examples)
 */
export function takeSplit(split: Split, indices: Int32Array): Split {
  const labels = indices.map((index) => split.labels[index]!);
  const { images } = split;
  if (images.kind === "files") return { images: takeFiles(images, indices), labels };
  const { height, width } = images;
  const imageBytes = height * width * 3;
  const pixels = new Uint8Array(indices.length * imageBytes);
  indices.forEach((index, i) => {
    const start = index * imageBytes;
    pixels.set(images.pixels.subarray(start, start + imageBytes), i * imageBytes);
  });
  return { images: { kind: "pixels", pixels, height, width }, labels };
}

/**
 * The examples that training was cut down to, a line for each, as `tsvLine` has it: the image, its class. Images in
 * memory go by their index in the whole training part.
 */
export function describeSelection({
  train: { images, labels },
  classNames,
  selected,
}: Pick<Dataset, "train" | "classNames" | "selected">): string[] {
  return Array.from(labels, (label, i) => {
    const image = images.kind === "files" ? exampleName(images, i) : String(selected?.[i] ?? i);
    return tsvLine([image, classNames[label]!]);
  });
}
