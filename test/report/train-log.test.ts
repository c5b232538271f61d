/** Logs of the official PyTorch code, of its PaddlePaddle port, and bit-train's own. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pointsOf } from "../../src/report/run-curve.js";
import { readTrainLog } from "../../src/report/train-log.js";
import { fixturePath } from "../fixture-path.js";

const stamped = (lines: readonly string[]) =>
  lines
    .map((line, i) => {
      const time = new Date(Date.UTC(2020, 6, 29, 10, 14, 0) + 500 * i).toISOString();
      return `${time.slice(0, 19).replace("T", " ")},${time.slice(20, 23)} [INFO] bit_common: ${line}\n`;
    })
    .join("");

test("a log of the PaddlePaddle port: the last run of it, continued under other settings", () => {
  const path = fixturePath("train-logs", "paddle-cifar10.log");
  const { curve, settings, trainSize, valSize, times } = readTrainLog(readFileSync(path, "utf8"));
  assert.deepEqual([trainSize, valSize], [50_000, 10_000]);
  // 13 steps of a run before are another's.
  const { step, elapsedMs, batch } = curve.steps[0]!;
  assert.deepEqual([step, elapsedMs, batch], [0, 696, 128]);
  assert.equal(curve.steps[1]!.elapsedMs, 359);
  assert.deepEqual(curve.validations, [
    { steps: 1000, loss: 0.13928, top1: 0.9607, top5: 0.9996 },
    { steps: 10_026, loss: 0.10794, top1: 0.9732, top5: 0.9989 },
  ]);
  assert.equal(curve.done, 10_026);
  assert.equal(settings["dataset"], "cifar10");
  assert.equal(settings["model"], "BiT-M-R50x1");
  assert.equal(settings["base_lr"], "0.001; from step 10000 on 0.003");
  assert.equal(settings["batch"], "128; from step 10000 on 512");
  assert.equal(curve.steps.at(-1)!.batch, 512);
  assert.deepEqual(times, []);
});

test("a run that was continued under other settings says which, and from where on", () => {
  const arguments_ = (batch: number) =>
    `Namespace(base_lr=0.003, batch=${batch}, name='a, b', eval_every=None)`;
  const { settings, curve } = readTrainLog(
    stamped([
      arguments_(128),
      "Starting training!",
      "[step 0]: loss=2.00000 (lr=0.0e+00)",
      "[step 1]: loss=1.90000 (lr=6.0e-06)",
      arguments_(512),
      "Starting training!",
      "[step 1]: loss=1.80000 (lr=6.0e-06)",
      "[step 2]: loss=nan (lr=1.2e-05)",
      "Validation@end loss nan, top1 10.00%, top5 50.00%",
    ]),
  );
  assert.equal(settings["batch"], "128; from step 1 on 512");
  assert.equal(settings["base_lr"], "0.003");
  assert.equal(settings["name"], "a, b");
  assert.deepEqual(
    curve.steps.map(({ step, loss, batch }) => [step, loss, batch]),
    [
      [0, 2, 128],
      [1, 1.8, 512],
      [2, undefined, 512],
    ],
  );
  assert.deepEqual(curve.validations, []);
  // 500 ms a step.
  assert.deepEqual(pointsOf(curve).imagesPerSecond, [256, 1024, 1024]);
});

test("parts of a batch are one step, whose loss is their mean", () => {
  const { curve } = readTrainLog(
    stamped([
      "Namespace(batch=512, batch_split=2)",
      "Starting training!",
      "[step 0 (1/2)]: loss=2.00000 (lr=0.0e+00)",
      "[step 0 (2/2)]: loss=1.00000 (lr=0.0e+00)",
      "[step 1 (1/2)]: loss=1.00000 (lr=6.0e-06)",
    ]),
  );
  assert.deepEqual(curve.steps, [{ step: 0, loss: 1.5, lr: 0, elapsedMs: 1000, batch: 512 }]);
});

test("times of bit-train's own log add up over the parts of a run, and begin anew with it", () => {
  const time =
    "Time: load 1.0 s (10 %), step 8.0 s (80 %), eval 0.5 s (5 %), save 0.5 s (5 %), close 0.0 s (0 %)";
  const step = (at: number) => `[step ${at}]: loss=1.00000 (lr=1.0e-03)`;
  const lines = [step(0), time, step(0), step(1), time, step(2), time];
  assert.deepEqual(readTrainLog(stamped(lines)).times, [
    { part: "load", seconds: 2 },
    { part: "step", seconds: 16 },
    { part: "eval", seconds: 1 },
    { part: "save", seconds: 1 },
    { part: "close", seconds: 0 },
  ]);
});

test("what is no log tells of no steps", () => {
  assert.equal(readTrainLog("").curve.done, 0);
  assert.equal(readTrainLog("\0\n[step 1]: loss=1 (lr=1)\n").curve.done, 0);
});
