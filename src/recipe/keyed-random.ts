/**
 * Random numbers as pure functions of a key.
 *
 * A run must be repeatable from its seed, resumable at any step, and independent of which thread
 * computes what. So nothing here keeps a state between calls: whoever needs randomness names what
 * it is for (a stream, the run's seed, an epoch or a step, an index), and the same name always
 * gives the same numbers. The names are hashed with MurmurHash3's 32-bit finalizer, a bijection in
 * which every input bit moves every output bit, in up to four lanes with multipliers of their own.
 */

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** What random numbers are for. Two purposes never share a sequence, whatever the seed. */
export const randomStream = {
  exampleOrder: 1,
  augmentation: 2,
  mixupLambda: 3,
  mixupPartners: 4,
  validationSplit: 5,
  fewShot: 6,
  initialization: 7,
  bootstrap: 8,
} as const;

/** One of the values of `randomStream`. */
export type RandomStream = (typeof randomStream)[keyof typeof randomStream];

/** Odd 32-bit multipliers, one a lane (from the fractional parts of roots of small primes). */
const LANE_MULTIPLIERS = [0x9e3779b1, 0xbb67ae85, 0x3c6ef373, 0xa54ff53b] as const;

/** One of the independent hashes of the same key. */
export type Lane = 0 | 1 | 2 | 3;

/** The finalizer of MurmurHash3 (Appleby, public domain). */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function absorb(state: number, word: number, lane: Lane): number {
  return mix(Math.imul(state ^ word, LANE_MULTIPLIERS[lane]) + 0x6a09e667 + lane);
}

/**
 * A 32-bit hash of a key.
 * @param lane which of four independent hashes
 * @param seed any safe integer; all of its 53 bits count
 * @param a first part of the key, an integer in [0, 2^32), such as an epoch or a step
 * @param b second part of the key, an integer in [0, 2^32), such as an index
 * @returns an integer in [0, 2^32), uniform over keys
 */
export function keyedHash(
  lane: Lane,
  stream: RandomStream,
  seed: number,
  a: number,
  b: number,
): number {
  let h = absorb(0, stream, lane);
  h = absorb(h, seed | 0, lane);
  // `seed | 0` keeps the low 32 bits only; this is the rest, negative for a negative seed.
  h = absorb(h, Math.floor(seed / 2 ** 32) | 0, lane);
  h = absorb(h, a | 0, lane);
  return absorb(h, b | 0, lane) >>> 0;
}

/**
 * A generator whose whole 128-bit state comes from a key.
 * @param seed any safe integer
 * @param a first part of the key, an integer in [0, 2^32)
 * @param b second part of the key, an integer in [0, 2^32)
 */
export function keyedGenerator(
  stream: RandomStream,
  seed: number,
  a: number,
  b: number,
): RandomGenerator {
  return xoroshiro128plusFromState([
    keyedHash(0, stream, seed, a, b) | 0,
    keyedHash(1, stream, seed, a, b) | 0,
    keyedHash(2, stream, seed, a, b) | 0,
    // The all-zero state is the one from which xoroshiro never leaves.
    keyedHash(3, stream, seed, a, b) | 1,
  ]);
}

/**
 * A uniformly random permutation of `0 .. n-1` (Fisher and Yates, in Durstenfeld's form).
 * @param n how many, an integer >= 0
 * @returns `[n]`
 */
export function randomPermutation(generator: RandomGenerator, n: number): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(generator, 0, i);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}
