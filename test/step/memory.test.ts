/** The estimate of a training step's memory against peaks that were measured (bench/NOTES.md). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { fittingSplit, trainMemory } from "../../src/step/memory.js";

/** Peaks of resident memory in GB, 10 classes, with the fused operations. */
const peaks = [
  // Model, options, then float32's and bfloat16's with normalization in the convolutions, and float32's apart.
  ["R50x1", { size: 128, microBatch: 8 }, 1.06, 0.98, 1.14],
  ["R50x1", { size: 128, microBatch: 32 }, 1.48, 1.18, 1.78],
  ["R50x1", { size: 128, microBatch: 64 }, 2.16, 1.44, 2.81],
  ["R50x1", { size: 224, microBatch: 8 }, 1.33, 1.15, 1.69],
  ["R50x1", { size: 480, microBatch: 4 }, 1.94, 1.35, 2.81],
  ["R101x1", { size: 128, microBatch: 16 }, 1.48, 1.35, 1.81],
  ["R50x3", { size: 128, microBatch: 8 }, 4.47, 3.66, 4.51],
  ["R50x3", { size: 65, microBatch: 1 }, 4.04, 3.43],
  ["R14x4", { size: 65, microBatch: 1 }, 3.33, 2.9],
  ["R14x2", { size: 65, microBatch: 1 }, 1.3, 1.16],
  ["R50x1", { size: 128, microBatch: 32, remat: true }, 1.33, 1.11, 1.3],
  ["R101x1", { size: 128, microBatch: 16, remat: true }, 1.46, 1.31, 1.49],
] as const;

/** Of a run on the embedded sample's images. */
const inParts = { size: 128, microBatch: 8, split: 4 };

test("parts of a batch have their gradients summed up: within a tenth of 1.31 and 1.39 GB", () => {
  for (const [fusesNormalization, peak] of [
    [true, 1.31],
    [false, 1.39],
  ] as const) {
    const plan = { classes: 4, ...inParts, fusesNormalization };
    const { total } = trainMemory(parseArchitecture("R50x1"), plan);
    assert.ok(Math.abs(total / 1e9 / peak - 1) < 0.1, `${total / 1e9} GB`);
  }
});

for (const [model, options, ...measured] of peaks) {
  const narrow = { computeType: "bfloat16", fusesNormalization: true } as const;
  const ways = [
    ["fused", { fusesNormalization: true }],
    ["bfloat16", narrow],
    ["apart", {}],
  ] as const;
  for (const [i, [name, way]] of ways.entries()) {
    const peak = measured[i];
    if (peak === undefined) continue;
    test(`${model}, ${JSON.stringify(options)}, ${name}: within a tenth of ${peak} GB`, () => {
      const plan = { classes: 10, ...options, ...way };
      const { total } = trainMemory(parseArchitecture(model), plan);
      assert.ok(Math.abs(total / 1e9 / peak - 1) < 0.1, `${total / 1e9} GB`);
    });
  }
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
  assert.equal(gigabytes(1.9), 2);
  assert.equal(gigabytes(1.65), 3);
  assert.equal(gigabytes(0.1), 48, "nothing fits: one image at a time");
});
