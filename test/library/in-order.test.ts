/** Streams of results in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inOrder } from "../../src/library/in-order.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

async function* upTo(count: number): AsyncGenerator<number, void, undefined> {
  for (let i = 0; i < count; i++) yield i;
}

test("results keep the order of their sources, and few are under way", async () => {
  let underWay = 0;
  let most = 0;
  const work = async (i: number) => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, (7 * i) % 5));
    underWay--;
    if (i % 10 === 3) throw new Error(`no ${i}`);
    return 2 * i;
  };
  const seen: unknown[] = [];
  for await (const { source, outcome } of inOrder(upTo(50), work, { most: 6 }))
    seen.push([source, outcome.value ?? String(outcome.error)]);
  const wanted = Array.from({ length: 50 }, (_, i) => [i, i % 10 === 3 ? `Error: no ${i}` : 2 * i]);
  assert.deepEqual(seen, wanted);
  assert.equal(most, 6);
});

test("a long stream leaves nothing behind, with a signal too", async () => {
  const { signal } = new AbortController();
  let sum = 0;
  let before = 0;
  for await (const { outcome } of inOrder(upTo(60_000), async (i) => i, { most: 4, signal })) {
    sum += outcome.value!;
    if (outcome.value === 10_000) before = heapBytes();
  }
  assert.equal(sum, (60_000 * 59_999) / 2);
  const grown = heapBytes() - before;
  assert.ok(grown < 2e6, `${grown} bytes more`);
});
