/** Several ranks with devices train as one process does, and as ranks on CPUs do: the same loop, data and update. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { alone } from "../../../src/ranks/rank-place.js";
import { engine } from "../../engine-for-tests.js";
import { runTrial, type Trial } from "../../train/rank-trial.js";
import { xla } from "./engines.js";
import { joinedSessions } from "./joined-devices.js";

const trials: readonly { ranks: number; trial: Trial }[] = [
  { ranks: 2, trial: { split: 4, steps: 5, mixupAlpha: 0.1 } },
  { ranks: 4, trial: { split: 4, steps: 5 } },
  { ranks: 2, trial: { split: 2, steps: 3, wire: "bfloat16" } },
];

for (const { ranks, trial } of trials)
  test(`${ranks} ranks with devices train as one: ${JSON.stringify(trial)}`, async () => {
    const { target } = xla();
    const one = await runTrial(trial, engine.open, alone);
    const all = await Promise.all(
      joinedSessions(ranks).map((open, rank) => {
        return runTrial(trial, open, { rank, ranks }, target);
      }),
    );
    for (const [i, loss] of all[0]!.losses.entries()) {
      // As one device's against TensorFlow's: the order of float32's sums, and what a steep network makes of it.
      // Gradients that are rounded to 8 bits make an update that is off by as much.
      const most = i === 0 ? 1e-5 : trial.wire === undefined ? 1e-3 : 1e-2;
      const difference = Math.abs(loss / one.losses[i]! - 1);
      assert.ok(difference < most, `step ${i}: ${loss} instead of ${one.losses[i]}`);
    }
    // The state of all of them is the same, to the bit.
    for (const other of all.slice(1)) assert.deepEqual(other, all[0]);
    assert.equal(all[0]!.losses.length, trial.steps);
    const { top1, count } = one.validation as { top1: number; count: number };
    assert.equal(count, 12);
    assert.equal((all[0]!.validation as { top1: number }).top1, top1);
  });

test("what one rank wants to stop, all stop after the same step", async () => {
  const trial = { split: 2, steps: 8, stopAt: 3 };
  const { target } = xla();
  const [first, second] = await Promise.all(
    joinedSessions(2).map((open, rank) => runTrial(trial, open, { rank, ranks: 2 }, target)),
  );
  assert.equal(first!.steps, 4);
  assert.deepEqual(first, second);
});
