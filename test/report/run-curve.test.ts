/** A run's curve, and its points for plots. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsLine } from "../../src/record/metrics.js";
import { lossDecay, SmoothedMean } from "../../src/record/smoothed-mean.js";
import { curveOfMetrics, pointsOf } from "../../src/report/run-curve.js";
import { madeCurve } from "./made-report.js";

const line = (row: Parameters<typeof metricsLine>[0]) => metricsLine(row, new Date(0));
const validation = (at: number | "end") =>
  line({ validation: at, val_loss: 0.5, val_top1: 0.75, val_top5: 1 });

test("metrics.jsonl is read whole, and a torn last row is left out", () => {
  const text = [
    line({ step: 0, loss: 2, lr: 0, step_ms: 100 }),
    line({ step: 1, loss: null, lr: 0.1, step_ms: 300 }),
    validation(2),
    line({ step: 2, loss: 1, lr: 0.2, step_ms: 100 }),
    validation("end"),
    '{"step":3,"lo',
  ].join("");
  const curve = curveOfMetrics(text, { end: 3, batch: 10 });
  const { steps, loss, lr, imagesPerSecond, validations, stride } = pointsOf(curve);
  assert.equal(stride, 1);
  assert.deepEqual(steps, [0, 1, 2]);
  assert.deepEqual(loss, [2, null, 1]);
  assert.deepEqual(lr, [0, 0.1, 0.2]);
  assert.deepEqual(imagesPerSecond, [100, 33.333, 100]);
  assert.deepEqual(
    validations.map((one) => one.steps),
    [2, 3],
  );
});

test("steps that were given up and made again are there once", () => {
  const step = (at: number, loss: number) => line({ step: at, loss });
  const text = [step(0, 3), step(1, 2), validation(2), step(2, 1), step(1, 5), validation("end")];
  const curve = curveOfMetrics(text.join(""), { end: 2 });
  assert.deepEqual(
    curve.steps.map(({ loss }) => loss),
    [3, 5],
  );
  assert.deepEqual(
    curve.validations.map(({ steps }) => steps),
    [2],
  );
});

test("of many steps a point is their mean; the smoothed loss is the terminal's", () => {
  const curve = madeCurve(2500);
  const { stride, steps, loss, smoothed } = pointsOf(curve);
  assert.equal(stride, 3);
  assert.equal(steps.length, 834);
  assert.equal(steps[1], 3);
  const of = (at: number) => curve.steps[at]!.loss!;
  // Five digits are kept.
  const near = (got: number | null | undefined, expected: number) =>
    assert.ok(Math.abs(got! - expected) <= 1e-4 * Math.abs(expected), `${got}, not ${expected}`);
  near(loss[1], (of(3) + of(4) + of(5)) / 3);
  const mean = new SmoothedMean(lossDecay);
  const all = curve.steps.map((step) => mean.next(step.loss!));
  near(smoothed[1], all[5]!);
  near(smoothed.at(-1), all.at(-1)!);
});
