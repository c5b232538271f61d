/** Mean and standard deviation, beside numpy's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { meanAndDeviation } from "../../src/evaluators/deviation.js";

test("mean and deviation are numpy's, with ddof=1", () => {
  // numpy 2.4.6: np.mean(x) and np.std(x, ddof=1) of each x; within 1e-14, for the order of sums.
  for (const [values, mean, deviation] of [
    [[0.9732, 0.9741, 0.9729], 0.9734, 0.0006244997998398333],
    [[1, 2], 1.5, Math.SQRT1_2],
    [[0.5, 0.5, 0.5, 0.5], 0.5, 0],
    [[0.108, 0.2, -3.5, 7, 1e-3], 0.7618, 3.8209936142317744],
  ] as const) {
    const found = meanAndDeviation(values);
    assert.ok(Math.abs(found.mean - mean) < 1e-14, `${found.mean}`);
    assert.ok(Math.abs(found.deviation! - deviation) < 1e-14, `${found.deviation}`);
  }
});

test("a single value has no deviation, and none no mean", () => {
  assert.deepEqual(meanAndDeviation([0.25]), { mean: 0.25, deviation: null });
  assert.throws(() => meanAndDeviation([]), RangeError);
});
