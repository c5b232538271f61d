/** Evaluation of weights whose logits are not finite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { headBias, headKernel } from "../../src/model/architecture.js";
import { openEvalProgram } from "../../src/step/program.js";
import { assignVariables } from "../../src/step/variables.js";
import { evaluate, requireFiniteLogits, requireFiniteResult } from "../../src/train/evaluate.js";
import type { EvaluationResult } from "../../src/train/reports.js";
import { variableValues } from "../deterministic.js";
import { engine, open } from "../engine-for-tests.js";

const classes = 7;
const side = 32;
const val = {
  images: {
    kind: "pixels",
    pixels: Uint8Array.from({ length: 3 * side * side * 3 }, (_, i) => (i * 37) % 251),
    height: side,
    width: side,
  },
  labels: Int32Array.of(0, 1, 2),
} as const;

/** Evaluates three images with this bias of the head. */
async function evaluated(bias: readonly number[], headFactor = 1): Promise<EvaluationResult> {
  const architecture = { name: "R14x0.5", units: [1, 1, 1, 1], width: 0.5 } as const;
  const network = { architecture, classes, target: engine.target } as const;
  const options = { size: side, evalBatch: 2, workers: 1 };
  const program = await openEvalProgram(open, network, val, options);
  try {
    const values = function* () {
      for (const spec of program.variables) {
        const data = variableValues(spec).slice();
        if (spec.name === headBias) data.set(bias);
        if (spec.name === headKernel)
          data.forEach((value, i) => {
            data[i] = value * headFactor;
          });
        yield [spec, data] as const;
      }
    };
    await assignVariables(program.session, values());
    return await evaluate(program, val, 2);
  } finally {
    program.session.close();
  }
}

const zeros = [0, 0, 0, 0, 0, 0, 0];

test("the loss of finite logits is what it was, however large they are", async () => {
  const { loss } = await evaluated(zeros);
  assert.ok(loss > 0 && loss < 10, `${loss}`);
  const large = await evaluated([1e30, 0, 0, 0, 0, 0, 0]);
  assert.ok(Number.isFinite(large.loss) && large.loss > 1e29, `${large.loss}`);
  requireFiniteResult("w.npz", large);
});

for (const [what, bias] of [
  ["NaN", [Number.NaN, 0, 0, 0, 0, 0, 0]],
  ["an infinite logit of a class that none has", [0, 0, 0, 0, 0, 0, Number.NEGATIVE_INFINITY]],
  ["an infinite logit of a class that one has", [Number.POSITIVE_INFINITY, 0, 0, 0, 0, 0, 0]],
] as const)
  test(`${what} leaves a loss that is not finite, and no percentages`, async () => {
    const result = await evaluated(bias);
    assert.ok(!Number.isFinite(result.loss), `${result.loss}`);
    assert.throws(
      () => requireFiniteResult("w.npz", result),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /^w\.npz: the loss is (NaN|Infinity).*not finite/);
        assert.match(error.nextStep, /--precision fp32/);
        return true;
      },
    );
  });

test("finite weights whose logits overflow are noticed too", async () => {
  const { loss } = await evaluated(zeros, 3e38);
  assert.ok(!Number.isFinite(loss), `${loss}`);
});

test("logits that are not finite are refused with their input's name", () => {
  requireFiniteLogits("w.npz", "cat.jpg", Float32Array.of(1, -1e38, 3e38));
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    assert.throws(
      () => requireFiniteLogits("w.npz", "cat.jpg", Float32Array.of(1, bad)),
      new RegExp(`w\\.npz: a logit of cat\\.jpg is ${bad}`),
    );
});
