import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { LossWatch } from "../../src/train/divergence.js";

const ln10 = Math.log(10);

test("a loss that is not finite stops the run at its step, and says what is kept", () => {
  const watch = new LossWatch(10);
  watch.check(0, ln10, 0);
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(
      () => watch.check(7, loss, 5),
      (error: unknown) => {
        return (
          error instanceof UserError &&
          /^step 7: the loss is (NaN|Infinity)/.test(error.message) &&
          /--base_lr.*--precision fp32.*checkpoint of step 5/.test(error.nextStep)
        );
      },
    );
});

test("ten times the loss of guessing is borne twice, and not a third time in a row", () => {
  const watch = new LossWatch(10);
  const losses = [ln10, 24, 24, 2, 24, 24];
  losses.forEach((loss, step) => {
    watch.check(step, loss, 0);
    assert.equal(watch.suspicious, loss > 23.1);
  });
  assert.throws(() => watch.check(6, 24, 0), /step 6: the loss is 24\.0, for 3 steps above 23\.0/);
});

test("with two classes, or one, ln is small: the limit is 10", () => {
  for (const classes of [1, 2]) {
    const watch = new LossWatch(classes);
    for (let step = 0; step < 9; step++) watch.check(step, 9.9, 0);
    assert.equal(watch.suspicious, false);
  }
});

test("where classes have weights, a batch may be of the one that weighs most", () => {
  const watch = new LossWatch(10, Float64Array.of(0.5, 20, 1));
  for (let step = 0; step < 9; step++) watch.check(step, 20 * 23, 0);
  assert.equal(watch.suspicious, false);
  for (let step = 0; step < 2; step++) watch.check(step, 20 * 24, 0);
  assert.throws(() => watch.check(2, 20 * 24, 0), /for 3 steps above 460\.5/);
});
