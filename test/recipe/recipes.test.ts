import assert from "node:assert/strict";
import { test } from "node:test";
import { getLearningRate } from "../../src/recipe/hyperrule.js";
import { getPaddleSchedule, recipeOf } from "../../src/recipe/recipes.js";

test("the Paddle port's rates, as its published log of CIFAR-10 has them", () => {
  const { schedule, baseLr, batch } = recipeOf("paddle");
  assert.equal(batch, 128);
  const rate = (step: number) => getLearningRate(step, schedule(50_000), baseLr)?.toExponential(1);
  const log = { 1: "2.0e-6", 50: "1.0e-4", 499: "1.0e-3", 500: "1.0e-3", 3499: "1.0e-3" };
  const drops = { 3500: "1.0e-4", 6499: "1.0e-4", 6500: "1.0e-5", 9500: "1.0e-6", 9999: "1.0e-6" };
  for (const [step, shown] of Object.entries({ ...log, ...drops }))
    assert.equal(rate(Number(step)), shown, `step ${step}`);
  assert.equal(rate(10_000), undefined);
});

test("its schedule for small and for large sets", () => {
  assert.deepEqual(getPaddleSchedule(1000), [100, 199, 299, 399, 500]);
  assert.deepEqual(getPaddleSchedule(1_281_167), [500, 6499, 12_499, 18_499, 20_000]);
});

test("an unknown recipe is refused with those there are", () => {
  assert.throws(() => recipeOf("keras"), /hyperrule or paddle/);
});
