/** Published results, and whether one's own are as these: beside scipy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATASET_NAMES } from "../../src/data/known-datasets.js";
import { studentFactor } from "../../src/evaluators/student-t.js";
import { compareTopOne, expectedResults } from "../../src/report/expected-results.js";
import { zooModel } from "../../src/zoo/models.js";

test("Student's factors are scipy's", () => {
  // scipy 1.17.1: stats.t.ppf(0.975, n); the series is right to 3e-4 from 11 on.
  for (const [freedom, factor] of [
    [1, 12.706205],
    [2, 4.302653],
    [10, 2.228139],
    [11, 2.200985],
    [12, 2.178813],
    [20, 2.085963],
    [100, 1.983972],
    [1000, 1.962339],
  ] as const)
    assert.ok(Math.abs(studentFactor(freedom) - factor) < 3e-4, String(freedom));
});

test("every published result is of a known dataset and model, in percent", async () => {
  const results = await expectedResults();
  assert.equal(results.length, 56);
  for (const { dataset, model, top1, least, most, source, heldOut } of results) {
    assert.ok(DATASET_NAMES.some((name) => name === dataset));
    assert.ok(zooModel(model) !== undefined, model);
    assert.ok(top1 > 10 && top1 < 100 && heldOut >= 10_000);
    if (least !== undefined && most !== undefined) assert.ok(least <= top1 && top1 <= most);
    assert.match(source, /google-research\/big_transfer, README.md at [0-9a-f]{8}/);
  }
  const whole = results.find((one) => one.dataset === "imagenet2012" && one.model.endsWith("50x1"));
  assert.equal(whole!.examplesPerClass, 1);
});

test("one run: the held-out images alone leave something open", () => {
  // 1.959964 * sqrt(80.68 * 19.32 / 50000) = 0.34607, and half of the last digit.
  const { low, high, isWithin, deviation } = compareTopOne({ top1: 80.68 }, [0.8036], 50_000);
  assert.ok(Math.abs(low - (80.68 - 0.35107)) < 1e-4 && Math.abs(high - 81.03107) < 1e-4);
  assert.equal(isWithin, true);
  assert.equal(deviation, null);
  assert.equal(compareTopOne({ top1: 80.68 }, [0.803], 50_000).isWithin, false);
  assert.equal(compareTopOne({ top1: 80.68 }, [0.8104], 50_000).isWithin, false);
});

test("several runs: the deviation over seeds widens it; a published range is its core", () => {
  const few = { top1: 57.9, least: 45.8, most: 65.7 };
  const { mean, low, high } = compareTopOne(few, [0.44, 0.5, 0.53], 10_000);
  assert.ok(Math.abs(mean - 49) < 1e-9);
  // scipy: t(2) = 4.302653; s = 4.582576; t s sqrt(4/3) = 22.76744; hypot with 0.96768; plus 0.05.
  assert.ok(Math.abs(low - (45.8 - 22.838)) < 1e-3, String(low));
  assert.ok(Math.abs(high - (65.7 + 22.838)) < 1e-3, String(high));
});
