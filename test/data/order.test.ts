import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { ExampleOrder } from "../../src/data/order.js";

test("each epoch is a permutation of its own", () => {
  const order = new ExampleOrder(3, 100);
  const all = Int32Array.from({ length: 100 }, (_, i) => i);
  const seen = new Set<string>();
  for (let epoch = 0; epoch < 20; epoch++) {
    const { indices, epochs } = order.slice(epoch * 100, 100);
    assert.deepEqual(indices.slice().sort(), all);
    assert.ok(epochs.every((value) => value === epoch));
    seen.add(indices.join());
  }
  assert.equal(seen.size, 20);
});

test("a slice does not depend on how the stream was cut before", () => {
  const whole = new ExampleOrder(3, 7).slice(0, 100);
  const order = new ExampleOrder(3, 7);
  for (const [start, count] of [
    [93, 7],
    [0, 1],
    [50, 40],
    [13, 2],
    [5, 0],
  ] as const) {
    const { indices, epochs } = order.slice(start, count);
    assert.deepEqual(indices, whole.indices.slice(start, start + count));
    assert.deepEqual(epochs, whole.epochs.slice(start, start + count));
  }
  assert.deepEqual(
    whole.epochs,
    Int32Array.from({ length: 100 }, (_, position) => Math.floor(position / 7)),
  );
});

test("a batch larger than the training set is full, and repeats nothing before it must", () => {
  const { indices } = new ExampleOrder(1, 5).slice(5 * 11, 512);
  assert.equal(indices.length, 512);
  const counts = new Map<number, number>();
  for (const index of indices) counts.set(index, (counts.get(index) ?? 0) + 1);
  // 512 = 102 epochs of 5 and 2 more.
  assert.deepEqual([...counts.values()].sort(), [102, 102, 102, 103, 103]);
  assert.deepEqual([...new ExampleOrder(1, 1).slice(0, 3).indices], [0, 0, 0]);
});

test("each index is as likely at each position, over epochs and over seeds", () => {
  const draws = 20_000;
  for (const byEpoch of [true, false]) {
    const counts = new Float64Array(100);
    for (let i = 0; i < draws; i++) {
      const order = new ExampleOrder(byEpoch ? 11 : i, 10);
      order.slice(byEpoch ? i * 10 : 0, 10).indices.forEach((index, position) => {
        counts[position * 10 + index]! += 1;
      });
    }
    // Chi-squared of a 10 x 10 table of permutations has 81 degrees of freedom (its variance is
    // that of a table times 10/9): 126.1 is exceeded once in 1000 seeds.
    const expected = draws / 10;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquared * 0.9 < 126.1, `${byEpoch}: ${chiSquared}`);
  }
});

test("other seeds give other orders, also seeds beyond 32 bits", () => {
  const orders = [0, 1, -1, 2 ** 32, 2 ** 40 + 1].map((seed) =>
    new ExampleOrder(seed, 50).slice(0, 50).indices.join(),
  );
  assert.equal(new Set(orders).size, orders.length);
});

test("a million positions take well under a second", () => {
  const start = performance.now();
  new ExampleOrder(1, 50_000).slice(123, 1_000_000);
  const elapsedMs = performance.now() - start;
  // About 30 ms on an idle core; the limit leaves room for busy ones.
  assert.ok(elapsedMs < 1000, `${elapsedMs} ms`);
});

test("an empty training set is refused", () => {
  for (const n of [0, -1, 1.5]) assert.throws(() => new ExampleOrder(0, n), RangeError);
});
