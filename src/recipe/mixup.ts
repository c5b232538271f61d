/**
 * Mixup's random choices: how strongly two images are mixed, and which two.
 *
 * Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization"; BiT draws lambda from
 * Beta(0.1, 0.1) once a step and mixes every example of the batch with it.
 */

import { randomBeta } from "d3-random";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { keyedGenerator, randomPermutation, randomStream } from "./keyed-random.js";

/**
 * The weight of an example's own image and label in a step; its partner's is `1 - lambda`.
 * @param seed the run's seed, a safe integer
 * @param step an integer >= 0
 * @param alpha of Beta(alpha, alpha), finite and > 0
 * @returns lambda in [0, 1]; the same for the same arguments
 * @throws RangeError if alpha is not a positive number
 */
export function mixupLambda(seed: number, step: number, alpha: number): number {
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new RangeError(`alpha must be a positive number, got ${alpha}`);
  const generator = keyedGenerator(randomStream.mixupLambda, seed, step, 0);
  return randomBeta.source(() => uniformFloat64(generator))(alpha, alpha)();
}

/**
 * With whom each example of a batch, or of one split of it, is mixed: a random permutation.
 * @param seed the run's seed, a safe integer
 * @param step an integer >= 0
 * @param split which part of the batch, an integer >= 0 (0 where it is not split)
 * @param n number of examples in that part
 * @returns `[n]`: example i is mixed with example `partners[i]`, which may be itself
 */
export function mixupPartners(seed: number, step: number, split: number, n: number): Int32Array {
  return randomPermutation(keyedGenerator(randomStream.mixupPartners, seed, step, split), n);
}
