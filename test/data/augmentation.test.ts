import assert from "node:assert/strict";
import { test } from "node:test";
import { augmentation, fillAugmentations } from "../../src/data/augmentation.js";

const SLACK = 32;

const plan = (seed: number) => ({ seed, slack: SLACK, flip: true });

/**
 * Chi-squared of counts that ought to be equal, as a normal variate (Wilson and Hilferty). Beyond
 * 3.3 lies one seed in 2000.
 */
function deviation(counts: Float64Array): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const freedom = counts.length - 1;
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chiSquared / freedom) - (1 - spread)) / Math.sqrt(spread);
}

test("crops and flips are uniform and independent, over indices, epochs and seeds", () => {
  const draws = 200_000;
  for (const along of ["index", "epoch", "seed"] as const) {
    const side = SLACK + 1;
    const together = new Float64Array(side * side * 2);
    // Of neighbours: what one example gets must say nothing of what the next one gets.
    const neighbours = new Float64Array(side * side * 4);
    let before = augmentation(plan(0), 0, 0);
    for (let i = 1; i <= draws; i++) {
      const now =
        along === "index"
          ? augmentation(plan(5), 1, i)
          : along === "epoch"
            ? augmentation(plan(5), i, 1)
            : augmentation(plan(i), 5, 1);
      together[(now.top * side + now.left) * 2 + Number(now.flip)]! += 1;
      const flips = Number(before.flip) * 2 + Number(now.flip);
      neighbours[(before.top * side + now.top) * 4 + flips]! += 1;
      before = now;
    }
    assert.ok(Math.abs(deviation(together)) < 3.3, `${along}: ${deviation(together)}`);
    assert.ok(Math.abs(deviation(neighbours)) < 3.3, `${along}: ${deviation(neighbours)}`);
  }
});

test("both ends of the range occur, and no slack means no choice", () => {
  const tops = new Set<number>();
  const lefts = new Set<number>();
  for (let index = 0; index < 2000; index++) {
    const { top, left } = augmentation(plan(1), 0, index);
    tops.add(top);
    lefts.add(left);
    const whole = augmentation({ ...plan(1), slack: 0 }, 0, index);
    assert.deepEqual([whole.top, whole.left], [0, 0]);
  }
  for (const found of [tops, lefts]) {
    assert.equal(found.size, SLACK + 1);
    assert.equal(Math.min(...found), 0);
    assert.equal(Math.max(...found), SLACK);
  }
});

test("many at once are the same as one by one, whatever their order", () => {
  const n = 1000;
  const epochs = Int32Array.from({ length: n }, (_, i) => i % 3);
  const indices = Int32Array.from({ length: n }, (_, i) => (i * 7919) % n);
  const out = new Int32Array(n * 3);
  fillAugmentations(plan(42), epochs, indices, out);
  for (let i = 0; i < n; i++) {
    const { top, left, flip } = augmentation(plan(42), epochs[i]!, indices[i]!);
    assert.deepEqual([...out.subarray(i * 3, i * 3 + 3)], [top, left, flip ? 1 : 0]);
  }
  assert.throws(() => fillAugmentations(plan(1), epochs, indices, new Int32Array(n)), RangeError);
});

test("without mirroring every example keeps its crop", () => {
  const n = 4000;
  const epochs = Int32Array.from({ length: n }, (_, i) => i % 3);
  const indices = Int32Array.from({ length: n }, (_, i) => (i * 7919) % n);
  const [mirrored, plain] = [true, false].map((flip) => {
    const out = new Int32Array(n * 3);
    fillAugmentations({ ...plan(7), flip }, epochs, indices, out);
    return out;
  });
  assert.ok(mirrored!.some((value, at) => at % 3 === 2 && value === 1));
  const unmirrored = mirrored!.map((value, at) => (at % 3 === 2 ? 0 : value));
  assert.deepEqual(plain, unmirrored);
});

test("the draws are those of earlier versions", () => {
  // Computed by the version before there was a choice of mirroring.
  const draws = [0, 1, 2, 3].map((index) => augmentation(plan(42), 1, index));
  assert.deepEqual(draws, [
    { top: 31, left: 19, flip: true },
    { top: 12, left: 10, flip: false },
    { top: 22, left: 23, flip: false },
    { top: 12, left: 24, flip: true },
  ]);
});
