/** Arrays in other orders of dimensions, against a transposition here. Bytes must be equal. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPjrt, type PjrtType } from "../../../src/engine/pjrt/client.js";
import { cpuPlugin } from "../../cpu-plugin.js";

const client = openPjrt(await cpuPlugin());
after(() => client.close());

const SHAPE = [2, 3, 4, 5];
const COUNT = 120;

function permutations(of: readonly number[]): number[][] {
  if (of.length === 0) return [[]];
  return of.flatMap((first) =>
    permutations(of.filter((each) => each !== first)).map((rest) => [first, ...rest]),
  );
}

/** The elements of a row-major array, its dimensions written from major to minor in another order. */
function transposed(elements: Uint8Array, width: number, order: readonly number[]): Uint8Array {
  const result = new Uint8Array(elements.length);
  const index = SHAPE.map(() => 0);
  for (let to = 0; to < COUNT; to++) {
    let rest = to;
    for (const dimension of order.toReversed()) {
      index[dimension] = rest % SHAPE[dimension]!;
      rest = Math.floor(rest / SHAPE[dimension]!);
    }
    const from = index.reduce((sum, i, dimension) => sum * SHAPE[dimension]! + i, 0);
    result.set(elements.subarray(from * width, (from + 1) * width), to * width);
  }
  return result;
}

/** Values that differ in all their bytes. */
function elementsOf(width: number): Uint8Array {
  return Uint8Array.from({ length: COUNT * width }, (_, i) => (i * 89 + (i >> 7) * 13) & 127);
}

const WIDTHS: readonly (readonly [PjrtType, number])[] = [
  ["uint8", 1],
  ["bfloat16", 2],
  ["float16", 2],
  ["float32", 4],
  ["int32", 4],
  ["int64", 8],
  ["float64", 8],
];

for (const [type, width] of WIDTHS)
  test(`${type}: all orders of four dimensions, both ways`, async () => {
    const elements = elementsOf(width);
    for (const order of permutations([0, 1, 2, 3])) {
      const host = transposed(elements, width, order);
      const buffer = await client.put({ type, shape: SHAPE, data: host }, { order });
      assert.deepEqual(await buffer.read(), elements, `put ${order}`);
      assert.deepEqual(await buffer.read(order), host, `read ${order}`);
      buffer.drop();
    }
  });

test("arrays without elements or without dimensions, and parts of memory", async () => {
  for (const shape of [[], [0], [3, 0]]) {
    const data = new Float32Array(shape.length === 0 ? 1 : 0).fill(7);
    const buffer = await client.put({ type: "float32", shape, data });
    assert.deepEqual(new Float32Array((await buffer.read()).buffer), data);
  }
  const whole = Uint8Array.from({ length: 100 }, (_, i) => i);
  const part = await client.put({ type: "uint8", shape: [10], data: whole.subarray(33, 43) });
  assert.deepEqual(await part.read(), whole.subarray(33, 43));
  const flags = await client.put({ type: "bool", shape: [2], data: Uint8Array.of(1, 0) });
  assert.deepEqual(await flags.read(), Uint8Array.of(1, 0));
});

test("an order that is none is refused", async () => {
  const value = { type: "uint8" as const, shape: [1, 2], data: Uint8Array.of(1, 2) };
  for (const order of [[0], [0, 0], [1, 2], [0, 1, 2]])
    await assert.rejects(client.put(value, { order }), /is no order of 2 dimensions/);
  await assert.rejects((await client.put(value)).read([1]), /is no order of 2 dimensions/);
});
