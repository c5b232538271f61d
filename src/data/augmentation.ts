/**
 * What is done to each training image: where it is cropped and whether it is mirrored, as a pure
 * function of (seed, epoch, index). Whatever thread prepares an example, and whether or not the
 * run was interrupted, the example comes out the same.
 */

import { keyedHash, randomStream } from "../recipe/keyed-random.js";

/** What decides the augmentations of a run. */
export interface AugmentationPlan {
  /** The run's seed, a safe integer. */
  readonly seed: number;
  /** precrop - crop in pixels, an integer >= 0; both ends of [0, slack] occur, as in torchvision's RandomCrop. */
  readonly slack: number;
  /** Whether half of the examples are mirrored. Without, every example keeps the crop that it has with it. */
  readonly flip: boolean;
}

/** Crop and flip of one example. */
export interface Augmentation {
  /** First row of the crop, in pixels, in [0, slack]. */
  readonly top: number;
  /** First column of the crop, in pixels, in [0, slack]. */
  readonly left: number;
  /** Whether the crop is mirrored left to right. */
  readonly flip: boolean;
}

/** Values that `fillAugmentations` writes for each example: top, left, flip. */
export const AUGMENTATION_WIDTH = 3;

/**
 * An integer in [0, count), by multiplication: its bias, under count / 2^32, is far below what any
 * run could show.
 */
function scaled(hash: number, count: number): number {
  return Math.floor((hash * count) / 2 ** 32);
}

/**
 * The augmentation of one example. Each of its parts is a draw under a key of its own.
 * @param epoch an integer >= 0
 * @param index of the example in the training set
 */
export function augmentation(
  { seed, slack, flip }: AugmentationPlan,
  epoch: number,
  index: number,
): Augmentation {
  const stream = randomStream.augmentation;
  return {
    top: scaled(keyedHash(0, stream, seed, epoch, index), slack + 1),
    left: scaled(keyedHash(1, stream, seed, epoch, index), slack + 1),
    flip: flip && keyedHash(2, stream, seed, epoch, index) >= 2 ** 31,
  };
}

/**
 * The augmentations of many examples, as the engine is fed with them.
 * @param epochs `[n]`
 * @param indices `[n]`, as `ExampleOrder` gives both
 * @param out `[n, 3]`, filled with rows of top, left, flip (0 or 1)
 * @throws RangeError if the lengths do not belong together
 */
export function fillAugmentations(
  plan: AugmentationPlan,
  epochs: Int32Array,
  indices: Int32Array,
  out: Int32Array,
): void {
  const n = indices.length;
  if (epochs.length !== n || out.length !== n * AUGMENTATION_WIDTH)
    throw new RangeError(
      `${n} indices need ${n} epochs and ${n * AUGMENTATION_WIDTH} values of room, ` +
        `got ${epochs.length} and ${out.length}`,
    );
  for (let i = 0; i < n; i++) {
    const { top, left, flip } = augmentation(plan, epochs[i]!, indices[i]!);
    out[i * AUGMENTATION_WIDTH] = top;
    out[i * AUGMENTATION_WIDTH + 1] = left;
    out[i * AUGMENTATION_WIDTH + 2] = flip ? 1 : 0;
  }
}
