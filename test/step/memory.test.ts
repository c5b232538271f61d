/** The estimate of a training step's memory against peaks that were measured (bench/NOTES.md). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { fittingSplit, trainMemory } from "../../src/step/memory.js";

/** Peak resident memory in GB, float32, 10 classes, with the fused operations. */
const measured = [
  ["R50x1", { size: 128, microBatch: 8 }, 1.03],
  ["R50x1", { size: 128, microBatch: 32 }, 1.72],
  ["R50x1", { size: 128, microBatch: 64 }, 2.59],
  ["R50x1", { size: 224, microBatch: 8 }, 1.55],
  ["R50x1", { size: 480, microBatch: 4 }, 2.39],
  ["R101x1", { size: 128, microBatch: 16 }, 1.71],
  ["R50x3", { size: 128, microBatch: 8 }, 4.32],
  ["R50x1", { size: 128, microBatch: 32, remat: true }, 1.23],
  ["R101x1", { size: 128, microBatch: 16, remat: true }, 1.42],
  ["R50x1", { size: 128, microBatch: 8, split: 4 }, 1.14],
] as const;

for (const [model, options, peak] of measured) {
  test(`${model}, ${JSON.stringify(options)}: within a tenth of ${peak} GB`, () => {
    const { total } = trainMemory(parseArchitecture(model), { classes: 10, ...options });
    assert.ok(Math.abs(total / 1e9 / peak - 1) < 0.1, `${total / 1e9} GB`);
  });
}

test("a narrow type halves what images take, and rematerialization leaves the rest", () => {
  const architecture = parseArchitecture("R50x1");
  const plan = { classes: 10, size: 128, microBatch: 32 };
  const wide = trainMemory(architecture, plan);
  const narrow = trainMemory(architecture, { ...plan, computeType: "bfloat16" });
  assert.equal(narrow.activations, wide.activations / 2);
  assert.equal(narrow.momentum, wide.momentum);
  const remat = trainMemory(architecture, { ...plan, remat: true });
  assert.ok(remat.activations < 0.5 * wide.activations);
});

test("a batch is split into as few parts as fit, by a divisor", () => {
  const architecture = parseArchitecture("R50x1");
  const plan = { classes: 10, size: 128 };
  const gigabytes = (value: number) => fittingSplit(architecture, plan, 48, value * 1e9);
  assert.equal(gigabytes(100), 1);
  assert.equal(gigabytes(1.8), 2);
  assert.equal(gigabytes(1.4), 3);
  assert.equal(gigabytes(0.1), 48, "nothing fits: one image at a time");
});
