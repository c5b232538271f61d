import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BASE_LEARNING_RATE,
  getLearningRate,
  getMixupAlpha,
  getResolution,
  getSchedule,
  KNOWN_DATASET_SIZES,
  scaleSchedule,
} from "../../src/recipe/hyperrule.js";

/** Rates are products of a few factors: equal to the last digits of a double. */
function assertRate(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= 1e-15, `${actual} ${expected}`);
}

test("the resolution changes at an area of 96 x 96", () => {
  assert.deepEqual(getResolution([32, 32]), { precrop: 160, crop: 128 });
  assert.deepEqual(getResolution([95, 96]), { precrop: 160, crop: 128 });
  assert.deepEqual(getResolution([96, 96]), { precrop: 512, crop: 480 });
  assert.deepEqual(getResolution([48, 192]), { precrop: 512, crop: 480 });
  assert.deepEqual(getResolution(KNOWN_DATASET_SIZES["imagenet2012"]!), {
    precrop: 512,
    crop: 480,
  });
});

test("mixup starts at 20,000 images", () => {
  assert.equal(getMixupAlpha(19_999), undefined);
  assert.equal(getMixupAlpha(20_000), 0.1);
  assert.equal(getMixupAlpha(1_281_167), 0.1);
});

test("the schedule changes at 20,000 and at 500,000 images", () => {
  const small = [100, 200, 300, 400, 500];
  const medium = [500, 3000, 6000, 9000, 10_000];
  const large = [500, 6000, 12_000, 18_000, 20_000];
  assert.deepEqual(getSchedule(1), small);
  assert.deepEqual(getSchedule(19_999), small);
  assert.deepEqual(getSchedule(20_000), medium);
  assert.deepEqual(getSchedule(499_999), medium);
  assert.deepEqual(getSchedule(500_000), large);
});

test("the learning rate is the official rule's", () => {
  const schedule = getSchedule(1000);
  const rate = (step: number) => getLearningRate(step, schedule, BASE_LEARNING_RATE);
  assertRate(rate(0), 0);
  assertRate(rate(50), 0.0015);
  assertRate(rate(99), 0.003 * 0.99);
  assertRate(rate(100), 0.003);
  assertRate(rate(200), 0.003);
  assertRate(rate(201), 0.0003);
  assertRate(rate(300), 0.0003);
  assertRate(rate(301), 0.00003);
  assertRate(rate(401), 0.000003);
  assertRate(rate(499), 0.000003);
  assert.equal(rate(500), undefined);
  assert.equal(rate(100_000), undefined);
  assertRate(getLearningRate(6, getSchedule(50_000), 0.003), 3.6e-5);
  assertRate(getLearningRate(19_999, getSchedule(2e6), 0.1), 0.0001);
});

test("a schedule is scaled in proportion", () => {
  const small = getSchedule(1000);
  assert.deepEqual(scaleSchedule(small, 500), small);
  assert.deepEqual(scaleSchedule(small, 50), [10, 20, 30, 40, 50]);
  assert.deepEqual(scaleSchedule(small, 7), [1, 3, 4, 6, 7]);
  assert.deepEqual(scaleSchedule(getSchedule(50_000), 1000), [50, 300, 600, 900, 1000]);
  assert.deepEqual(scaleSchedule(small, 1000), [200, 400, 600, 800, 1000]);
});

test("a scaled schedule increases strictly while there is room, and always ends the training", () => {
  for (const schedule of [getSchedule(1000), getSchedule(50_000), getSchedule(1e6)])
    for (let steps = 1; steps <= 600; steps++) {
      const scaled = scaleSchedule(schedule, steps);
      assert.equal(scaled.at(-1), steps);
      assert.ok(scaled.every((support) => Number.isInteger(support) && support >= 0));
      for (let i = 1; i < scaled.length; i++)
        assert.ok(steps < 4 ? scaled[i]! >= scaled[i - 1]! : scaled[i]! > scaled[i - 1]!);
      assert.equal(getLearningRate(steps, scaled, 1), undefined);
      assert.notEqual(getLearningRate(steps - 1, scaled, 1), undefined);
    }
  assert.equal(getLearningRate(0, scaleSchedule(getSchedule(1000), 1), 1), 1);
  for (const steps of [0, -1, 2.5, Number.NaN])
    assert.throws(() => scaleSchedule([100, 500], steps), RangeError);
});
