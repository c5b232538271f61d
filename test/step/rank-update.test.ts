/** What several processes make of their gradients together. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { engine } from "../engine-for-tests.js";
import { meanBySending, shapes, valuesOf } from "../graph/rank-values.js";
import { inRanks } from "../train/rank-processes.js";
import type { UpdateResult, UpdateTrial } from "./rank-update-trial.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";
const script = new URL("rank-update-trial.js", import.meta.url);

async function tried(ranks: number, trial: UpdateTrial): Promise<UpdateResult> {
  const [first, ...others] = await inRanks<UpdateResult>(script, ranks, trial);
  for (const other of others) assert.deepEqual(other, first);
  assert.deepEqual(
    first!.gathered,
    Array.from({ length: ranks }, (_, rank) => rank),
  );
  return first!;
}

test("what ranks have is in the order of their ranks, also of more than ten", {
  skip,
}, async () => {
  await tried(11, { wire: "float32", steps: [] });
});

test("operations together leave no threads behind", { skip }, async () => {
  const { fewThreads } = await tried(2, { wire: "float32", steps: [], gatherings: 400 });
  assert.ok(fewThreads);
});

const hashOf = (values: Float32Array) => createHash("sha256").update(values).digest("hex");

for (const ranks of [2, 3])
  test(`sent as bfloat16, added up as float32, to the bit: ${ranks} processes`, {
    skip,
  }, async () => {
    const { small, hashes } = await tried(ranks, { wire: "bfloat16", means: true, steps: [] });
    for (const index of shapes.keys()) {
      const ofRanks = Array.from({ length: ranks }, (_, rank) => valuesOf(rank, index));
      const expected = meanBySending(ofRanks);
      assert.deepEqual(small[index], [...expected.subarray(0, 100)].map(String));
      // Which bits a NaN has is no matter.
      if (!expected.some(Number.isNaN)) assert.equal(hashes[index], hashOf(expected));
    }
  });

// The variable's value, its momentum, the factor and finite steps in a row, after each step.
for (const wire of ["float32", "bfloat16"] as const)
  test(`an overflow in one process skips the step in all: ${wire}`, { skip }, async () => {
    const steps = [
      ["1", "3"],
      ["2", "Infinity"],
      ["NaN", "2"],
      ["-Infinity", "Infinity"],
      // Too large for float32 together, not alone; what is sent as bfloat16 is infinite already.
      ["3.4e38", "3.4e38"],
      ["-1", "1"],
    ];
    const { states } = await tried(2, { wire, steps });
    const whole = [0, 2];
    assert.deepEqual(states, [
      [...whole, 65_536, 1],
      [...whole, 32_768, 0],
      [...whole, 16_384, 0],
      [...whole, 8_192, 0],
      [...whole, 4_096, 0],
      [Math.fround(-0.5 * Math.fround(0.9 * 2)), Math.fround(0.9 * 2), 4_096, 1],
    ]);
  });
