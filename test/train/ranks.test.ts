/** Several processes train as one does. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { alone } from "../../src/ranks/rank-place.js";
import { engine } from "../engine-for-tests.js";
import { freePorts } from "../free-ports.js";
import { runTrial, type Trial, type TrialResult } from "./rank-trial.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";
const script = fileURLToPath(new URL("rank-trial.js", import.meta.url));

/** What each of several processes comes to. */
async function trainTogether(ranks: number, trial: Trial): Promise<TrialResult[]> {
  const ports = await freePorts(ranks);
  const env = { ...process.env, TRIAL: JSON.stringify(trial) };
  const children = ports.map((_, rank) => {
    const args = [script, String(rank), String(ranks), ...ports.map(String)];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    return once(child, "close").then(([code]) => {
      assert.equal(code, 0);
      return JSON.parse(text) as TrialResult;
    });
  });
  return Promise.all(children);
}

/** Equal but for the order in which float32 numbers were added: to 6 digits. */
function assertAlike(losses: readonly number[], expected: readonly number[]): void {
  assert.equal(losses.length, expected.length);
  for (const [i, loss] of losses.entries())
    assert.ok(Math.abs(loss / expected[i]! - 1) < 1e-5, `${i}: ${loss} ~ ${expected[i]}`);
}

for (const { ranks, trial } of [
  { ranks: 2, trial: { split: 2, steps: 8 } },
  { ranks: 2, trial: { split: 4, steps: 8, mixupAlpha: 0.1 } },
  { ranks: 4, trial: { split: 4, steps: 4, mixupAlpha: 0.1 } },
])
  test(`${ranks} processes train as one: ${JSON.stringify(trial)}`, { skip }, async () => {
    const one = await runTrial(trial, engine.open, alone);
    const all = await trainTogether(ranks, trial);
    assertAlike(all[0]!.losses, one.losses);
    for (const other of all.slice(1)) assert.deepEqual(other, all[0]);
    const { top1, count } = one.validation as { top1: number; count: number };
    assert.equal(count, 12);
    assert.equal((all[0]!.validation as { top1: number }).top1, top1);
    assert.notEqual(one.losses[0], one.losses.at(-1));
  });

test("what one process wants to stop, all stop after the same step", { skip }, async () => {
  const trial = { split: 2, steps: 8, stopAt: 3 };
  const [first, second] = await trainTogether(2, trial);
  assert.equal(first!.steps, 4);
  assert.deepEqual(first, second);
  assert.equal(first!.validation, undefined);
});
