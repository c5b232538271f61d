import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText } from "../../src/record/duration-text.js";
import { describeForecast, FirstSteps, remainingMs } from "../../src/run/run-forecast.js";
import { settings } from "./tiny-training.js";

const options = { model: "BiT-M-R50x1", dataset: "photos" };
const config = { ...settings, model: "BiT-M-R50x1", data: { labels: "", images: "" } };

test("the first step does not count, and three do, once", () => {
  const first = new FirstSteps();
  const told = [9000, 100, 200, 300, 400, 500].map((ms) => first.add(ms));
  assert.deepEqual(told, [
    ...[undefined, undefined, undefined],
    { stepMs: 200, steps: 3 },
    ...[undefined, undefined],
  ]);
});

test("what is left are steps and evaluations, the one at the end included", () => {
  const measured = { stepMs: 10, steps: 3, evaluationMs: 1000 };
  assert.equal(remainingMs(config, measured), 20 * 10 + 1000);
  const often = { ...config, evalEvery: 5 };
  // After 5, 10, 15, and at the end.
  assert.equal(remainingMs(often, measured), 20 * 10 + 4 * 1000);
  assert.equal(remainingMs(often, measured, 10), 10 * 10 + 2 * 1000);
  // Of 12 images, at a third of a step's time for each of 8.
  assert.equal(remainingMs(config, { stepMs: 60, steps: 3 }), 20 * 60 + 30);
});

test("over an hour, a command that takes about a tenth is told", () => {
  const measured = { stepMs: 600_000, steps: 3, evaluationMs: 0 };
  const [duration, lighter] = describeForecast(config, options, { measured, done: 4 });
  assert.equal(
    duration,
    "16 more steps will take about 2 h 40 min (600 s each, by 3 timed steps), evaluations included",
  );
  assert.match(
    lighter!,
    /about 10 % of that, type: {3}npx bit-train --model BiT-M-R50x1 .*--steps 2 /,
  );
  const quick = { measured: { ...measured, stepMs: 1000 }, done: 0 };
  assert.equal(describeForecast(config, options, quick).length, 1);
});

test("one step is one, and what is over in a moment takes no 0 s", () => {
  const measured = { stepMs: 40, steps: 1, evaluationMs: 10 };
  const [line] = describeForecast(config, options, { measured, done: 19 });
  assert.equal(
    line,
    "1 more step will take about 0.050 s (0.040 s each, by 1 timed step), evaluations included",
  );
});

test("durations", () => {
  assert.deepEqual([12_000, 200_000, 3_900_000].map(durationText), [
    "12 s",
    "3 min 20 s",
    "1 h 05 min",
  ]);
});
