/** In which order examples are trained on: an endless stream as a pure function of position. */

import { keyedGenerator, randomPermutation, randomStream } from "../recipe/keyed-random.js";

/** A stretch of the stream. */
export interface ExampleSlice {
  /** `[count]`, each an index into the training set. */
  readonly indices: Int32Array;
  /** `[count]`, the epoch to which each example belongs, from 0. */
  readonly epochs: Int32Array;
}

/**
 * The order of a training set of `n` examples. Position p lies in epoch floor(p / n), and each
 * epoch is a permutation of its own, so that every example is seen once before any is seen twice;
 * batches run on across the boundary, also when the training set is smaller than a batch. What a
 * slice holds depends on seed, n, position and count alone, so a run resumes at a position.
 */
export class ExampleOrder {
  /** The epoch that was asked for last, since slices mostly follow one another. Memory is O(n). */
  #epoch = -1;
  #permutation: Int32Array = new Int32Array(0);

  /**
   * @param seed the run's seed, a safe integer
   * @param n size of the training set, an integer >= 1
   * @throws RangeError if n is not
   */
  constructor(
    readonly seed: number,
    readonly n: number,
  ) {
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`the number of examples must be an integer >= 1, got ${n}`);
  }

  /**
   * @param position of the first example in the stream, an integer >= 0: step times batch
   * @param count how many examples, an integer >= 0
   */
  slice(position: number, count: number): ExampleSlice {
    const indices = new Int32Array(count);
    const epochs = new Int32Array(count);
    let filled = 0;
    while (filled < count) {
      const epoch = Math.floor((position + filled) / this.n);
      const start = position + filled - epoch * this.n;
      const part = this.#permutationOf(epoch).subarray(start, start + count - filled);
      indices.set(part, filled);
      epochs.fill(epoch, filled, filled + part.length);
      filled += part.length;
    }
    return { indices, epochs };
  }

  #permutationOf(epoch: number): Int32Array {
    if (epoch !== this.#epoch) {
      const generator = keyedGenerator(randomStream.exampleOrder, this.seed, epoch, 0);
      this.#permutation = randomPermutation(generator, this.n);
      this.#epoch = epoch;
    }
    return this.#permutation;
  }
}
