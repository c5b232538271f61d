/** Several processes train as one does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { alone } from "../../src/ranks/rank-place.js";
import { engine } from "../engine-for-tests.js";
import { inRanks } from "./rank-processes.js";
import { runTrial, type Trial, type TrialResult } from "./rank-trial.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";
const script = new URL("rank-trial.js", import.meta.url);

/** What each of several processes comes to. */
const trainTogether = (ranks: number, trial: Trial) => inRanks<TrialResult>(script, ranks, trial);

function assertAlike(losses: readonly number[], expected: readonly number[], tolerance: number) {
  assert.equal(losses.length, expected.length);
  for (const [i, loss] of losses.entries())
    assert.ok(Math.abs(loss / expected[i]! - 1) < tolerance, `${i}: ${loss} ~ ${expected[i]}`);
}

/** What differs in nothing but the order in which float32 numbers were added. */
const rounding = 1e-5;
/** What is computed, or sent, in bfloat16: 8 binary digits. */
const narrowRounding = 2e-2;

const trials: readonly { ranks: number; trial: Trial; tolerance?: number }[] = [
  { ranks: 2, trial: { split: 2, steps: 8 } },
  { ranks: 2, trial: { split: 4, steps: 8, mixupAlpha: 0.1 } },
  { ranks: 4, trial: { split: 4, steps: 4, mixupAlpha: 0.1 } },
  { ranks: 2, trial: { split: 4, steps: 8, wire: "bfloat16" }, tolerance: narrowRounding },
  { ranks: 2, trial: { split: 2, steps: 8, precision: "bf16" }, tolerance: narrowRounding },
  { ranks: 2, trial: { split: 4, steps: 8, precision: "fp16" }, tolerance: narrowRounding },
];
for (const { ranks, trial, tolerance = rounding } of trials)
  test(`${ranks} processes train as one: ${JSON.stringify(trial)}`, { skip }, async () => {
    const one = await runTrial(trial, engine.open, alone);
    const all = await trainTogether(ranks, trial);
    assertAlike(all[0]!.losses, one.losses, tolerance);
    for (const other of all.slice(1)) assert.deepEqual(other, all[0]);
    const { top1, count } = one.validation as { top1: number; count: number };
    assert.equal(count, 12);
    if (tolerance === rounding) assert.equal((all[0]!.validation as { top1: number }).top1, top1);
    assert.notEqual(one.losses[0], one.losses.at(-1));
  });

test("what one process wants to stop, all stop after the same step", { skip }, async () => {
  const trial = { split: 2, steps: 8, stopAt: 3 };
  const [first, second] = await trainTogether(2, trial);
  assert.equal(first!.steps, 4);
  assert.deepEqual(first, second);
  assert.equal(first!.validation, undefined);
});
