/** Images that lie on the device: the batches made there against those that the host makes, to the bit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { planOf } from "../../src/engine/xla/plan.js";
import { indexNodes } from "../../src/graph/stablehlo/reach.js";
import { residentBytes } from "../../src/input/resident-images.js";
import type { OpenSession } from "../../src/step/program.js";
import { xla } from "../engine/xla/engines.js";
import { engine, open } from "../engine-for-tests.js";
import {
  type Batch,
  batches,
  fileSplit,
  openPipeline,
  pixelSplit,
  type TestOptions,
  takeBatches,
} from "./batches.js";
import { noise } from "./small-graph.js";

const skip = !engine.target.native.host;
const here = xla();

/** As the device makes them, and as the host does; with the same augmentations, if any. */
async function both(
  split: Split,
  sizes: Pick<TestOptions, "batch" | "resizeTo" | "crop">,
  indices: readonly number[],
  augmentations?: Int32Array,
) {
  const on = (one: typeof here | typeof engine) => {
    const { target } = one;
    return batches(one.open, split, { ...sizes, target }, indices, augmentations);
  };
  return [await on(here), await on(engine)] as const;
}

/** Equal bytes; what they are in [-1, 1] is a division, which XLA rounds in its own way. */
function assertSame(made: readonly Batch[], wanted: readonly Batch[]): void {
  const bytesOf = ({ levels, labels }: Batch) => ({ bytes: levels.map(Math.round), labels });
  assert.deepEqual(made.map(bytesOf), wanted.map(bytesOf));
  for (const [i, { values }] of made.entries())
    for (const [k, value] of values.entries())
      assert.ok(Math.abs(value - wanted[i]!.values[k]!) <= 2 ** -23);
}

function noisy(count: number, height: number, width: number): Split {
  const { labels } = pixelSplit(count, 1, 1);
  const pixels = noise(count * height, width);
  return { images: { kind: "pixels", pixels, height, width }, labels };
}

for (const [height, width, side, crop] of [
  [32, 32, 160, 128], // CIFAR by the rule
  [45, 31, 20, 16],
  [31, 45, 40, 33],
  [12, 9, 9, 7],
  [9, 12, 9, 9],
  [5, 3, 1, 1],
  [1, 1, 6, 5],
  [70, 64, 3, 2],
] as const)
  test(`${height}x${width} to ${side}, cropped to ${crop}: the host's bytes and labels`, {
    skip,
  }, async () => {
    const split = noisy(7, height, width);
    const slack = side - crop;
    const indices = Array.from({ length: 12 }, (_, i) => (i * 5) % 7);
    const augmentations = Int32Array.from(
      indices.flatMap((_, i) => [(3 * i) % (slack + 1), (slack * (i % 3)) >> 1, i % 2]),
    );
    const sizes = { batch: 4, resizeTo: side, crop };
    const [made, wanted] = await both(split, sizes, indices, augmentations);
    assertSame(made, wanted);
  });

test("a whole image, as evaluations have it", { skip }, async () => {
  const [made, wanted] = await both(noisy(5, 8, 6), { batch: 5, resizeTo: 16 }, [4, 3, 2, 1, 0]);
  assertSame(made, wanted);
});

test("batches follow each other, and begin anew, with the images put there once", {
  skip,
}, async () => {
  const puts: string[] = [];
  const counting: OpenSession = (graph) => {
    const session = here.open(graph);
    const run: typeof session.run = (feeds, fetches) => {
      puts.push(...Object.keys(feeds));
      return session.run(feeds, fetches);
    };
    return { run, close: () => session.close() };
  };
  const split = noisy(50, 4, 4);
  const options = { batch: 4, resizeTo: 4, target: here.target };
  const opened = await openPipeline(counting, split, options);
  const order = Array.from({ length: 60 }, (_, i) => (i * 7) % 50);
  for (let start = 0; start < 2; start++) {
    // Not all that was asked for is taken: what was made ahead is dropped.
    const made = await takeBatches(opened, 4, order.slice(start, start + 40));
    assert.deepEqual(
      made.flatMap(({ labels }) => [...labels]),
      order.slice(start, start + 40).map((index) => 10 * index),
    );
  }
  opened.session.close();
  const once = ["images/labels/new", "images/pixels/new"];
  const each = ["images/indices", "images/augmentations"];
  assert.deepEqual(puts, [...once, ...each, ...each]);
});

test("of each batch, numbers alone go to the device", { skip }, async () => {
  let index: ReturnType<typeof indexNodes> | undefined;
  const keeping: OpenSession = (graph) => {
    index = indexNodes(graph.nodes);
    return here.open(graph);
  };
  const options = { batch: 2, resizeTo: 8, crop: 6, target: here.target };
  const { session } = await openPipeline(keeping, noisy(4, 4, 4), options);
  session.close();
  const plan = planOf(index!, ["batch/images", "batch/labels"]);
  assert.ok(plan.kind === "program");
  assert.deepEqual(plan.host.nodes.toSorted(), ["images/rows", "images/windows"]);
  assert.equal(planOf(index!, ["images/pixels/assigned"]).kind, "transfer");
});

test("devices that share a batch make it of the same images", { skip }, async () => {
  const split = noisy(9, 10, 12);
  const two = xla(2);
  const options = { batch: 4, resizeTo: 14, crop: 11, target: two.target };
  const augmentations = Int32Array.from({ length: 24 }, (_, i) => (i % 3 === 2 ? i % 2 : i % 4));
  const indices = [8, 1, 1, 0, 5, 6, 2, 3];
  assertSame(
    await batches(two.open, split, options, indices, augmentations),
    await batches(open, split, { ...options, target: engine.target }, indices, augmentations),
  );
});

test("an example that there is not is refused", { skip }, async () => {
  const options = { batch: 1, resizeTo: 4, target: here.target };
  for (const wrong of [-1, 3])
    await assert.rejects(batches(here.open, noisy(3, 4, 4), options, [wrong]), /example -?\d of 3/);
});

test("what stays with the host: files, what is too large, and everything where memory is shared", () => {
  const split = pixelSplit(10, 32, 32);
  const bytes = 10 * 32 * 32 * 3;
  assert.equal(residentBytes(split, {}), 0);
  assert.equal(residentBytes(split, { deviceMemoryBytes: Number.POSITIVE_INFINITY }), bytes);
  assert.equal(residentBytes(split, { deviceMemoryBytes: 16 * bytes }), bytes);
  assert.equal(residentBytes(split, { deviceMemoryBytes: 16 * bytes - 1 }), 0);
  assert.equal(residentBytes(fileSplit(["colour.jpg"]), { deviceMemoryBytes: 1e12 }), 0);
});
