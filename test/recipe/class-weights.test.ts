import assert from "node:assert/strict";
import { test } from "node:test";
import { balancedWeights, classWeights } from "../../src/recipe/class-weights.js";
import { losses } from "../loss-fixture.js";

test("balanced weights are scikit-learn's; a class without an example has none", () => {
  for (const { counts, weights } of losses.balanced) {
    const got = balancedWeights(Uint32Array.from(counts));
    assert.equal(got.length, weights.length);
    // The same two numbers divided, in another order.
    for (const [label, wanted] of weights.entries())
      assert.ok(Math.abs(got[label]! - wanted) <= 1e-15 * wanted, `${got[label]}, not ${wanted}`);
  }
});

test("over all examples their mean is 1, so that a learning rate means what it did", () => {
  const labels = Int32Array.from([3, 3, 3, 0, 0, 3, 1, 3]);
  const weights = classWeights("balanced", labels, 5)!;
  const sum = labels.reduce((total, label) => total + weights[label]!, 0);
  assert.ok(Math.abs(sum / labels.length - 1) < 1e-15);
  assert.equal(weights[2], 0);
  assert.equal(classWeights(undefined, labels, 5), undefined);
  assert.equal(classWeights(null, labels, 5), undefined);
});
