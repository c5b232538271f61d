/** A held-out part for a dataset that comes without one. */

import {
  keyedGenerator,
  type RandomStream,
  randomPermutation,
  randomStream,
} from "../recipe/keyed-random.js";

/** The part of each class that is held out. */
const VALIDATION_FRACTION = 0.2;

/**
 * Divides examples so that each class is held out in the same part, but of no class everything, and
 * of every class with two examples or more at least one. How a class is divided depends on its own
 * examples only.
 * @param labels `[n]`
 * @param seed a safe integer
 * @returns indices into `labels`, ascending; together they are all of them
 */
export function stratifiedSplit(
  labels: Int32Array,
  classCount: number,
  seed: number,
): { train: Int32Array; val: Int32Array } {
  const train: number[] = [];
  const val: number[] = [];
  for (const indices of shuffledClasses(labels, classCount, randomStream.validationSplit, seed)) {
    const rounded = Math.max(1, Math.round(indices.length * VALIDATION_FRACTION));
    const heldOut = Math.min(indices.length - 1, rounded);
    indices.forEach((index, i) => {
      (i < heldOut ? val : train).push(index);
    });
  }
  return { train: Int32Array.from(train).sort(), val: Int32Array.from(val).sort() };
}

/**
 * The indices of each class in a random order, each class with a sequence of its own.
 * @param labels `[n]`, each in [0, classCount)
 * @param stream what the order is for
 * @param seed a safe integer
 * @returns for each class, indices into `labels`
 */
export function shuffledClasses(
  labels: Int32Array,
  classCount: number,
  stream: RandomStream,
  seed: number,
): Int32Array[] {
  const classes: number[][] = Array.from({ length: classCount }, () => []);
  labels.forEach((label, index) => {
    classes[label]!.push(index);
  });
  return classes.map((indices, label) =>
    randomPermutation(keyedGenerator(stream, seed, label, 0), indices.length).map(
      (i) => indices[i]!,
    ),
  );
}
