import assert from "node:assert/strict";
import { test } from "node:test";
import {
  keyedGenerator,
  keyedHash,
  type Lane,
  randomPermutation,
  randomStream,
} from "../../src/recipe/keyed-random.js";

const { exampleOrder, augmentation } = randomStream;

test("every part of a key moves half of the hash's bits", () => {
  // Flips of single bits over 4,000 keys: 32 bits x 0.5 each, so a mean of 16 with a standard
  // error of sqrt(8 / 4000) = 0.045; five of those are allowed.
  const base = [12345, 7, 99] as const;
  const hash = (lane: Lane, key: readonly number[]) =>
    keyedHash(lane, augmentation, key[0]!, key[1]!, key[2]!);
  for (const lane of [0, 1, 2, 3] as const)
    for (let part = 0; part < 3; part++)
      for (const bit of [0, 1, 15, 31]) {
        let flips = 0;
        for (let i = 0; i < 4000; i++) {
          const key = [base[0] + i, base[1] + (i % 50), base[2] + i * 3];
          const other = [...key];
          // Not with ^: the seed is more than 32 bits wide.
          other[part]! += 2 ** bit;
          flips += ones(hash(lane, key) ^ hash(lane, other));
        }
        assert.ok(Math.abs(flips / 4000 - 16) < 0.23, `${lane} ${part} ${bit}: ${flips / 4000}`);
      }
});

test("seeds beyond 32 bits, negative seeds, streams and lanes all differ", () => {
  const hashes = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), 2 ** 53 - 1].flatMap((seed) =>
    [exampleOrder, augmentation].flatMap((stream) =>
      ([0, 1, 2, 3] as const).map((lane) => keyedHash(lane, stream, seed, 0, 0)),
    ),
  );
  assert.equal(new Set(hashes).size, hashes.length);
});

test("a permutation holds every index once, and each order is equally likely", () => {
  const counts = new Map<string, number>();
  const draws = 24_000;
  for (let i = 0; i < draws; i++) {
    const order = randomPermutation(keyedGenerator(exampleOrder, 5, i, 0), 4);
    const name = order.join("");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  // Chi-squared with 23 degrees of freedom: 49.7 is exceeded once in 1000 seeds.
  let chiSquared = 0;
  for (const count of counts.values()) chiSquared += (count - 1000) ** 2 / 1000;
  assert.ok(chiSquared < 49.7, `${chiSquared}`);
  const large = randomPermutation(keyedGenerator(exampleOrder, 5, 0, 0), 10_000);
  assert.deepEqual(
    large.slice().sort(),
    Int32Array.from({ length: 10_000 }, (_, i) => i),
  );
  assert.equal(randomPermutation(keyedGenerator(exampleOrder, 5, 0, 0), 0).length, 0);
});

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
