/** Evaluation: what evaluators are told, mirrored images, and weights whose logits are not finite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { UserError } from "../../src/errors.js";
import type { Evaluation, Example } from "../../src/evaluators/evaluator.js";
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

interface Ways {
  /** By what the head's weights are multiplied. */
  readonly headFactor?: number;
  readonly tta?: "flip";
  /** The images. */
  readonly split?: Split;
  readonly evaluations?: readonly Evaluation[];
}

/** Evaluates three images with this bias of the head. */
async function evaluated(
  bias: readonly number[],
  { headFactor = 1, tta, split = val, evaluations }: Ways = {},
): Promise<EvaluationResult> {
  const architecture = { name: "R14x0.5", units: [1, 1, 1, 1], width: 0.5 } as const;
  const network = { architecture, classes, target: engine.target } as const;
  const options = { size: side, evalBatch: 2, workers: 1, tta };
  const program = await openEvalProgram(open, network, split, options);
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
    return await evaluate(program, split, 2, { evaluations });
  } finally {
    program.session.close();
  }
}

const zeros = [0, 0, 0, 0, 0, 0, 0];

/** What evaluators are told of each image. */
async function toldOf(ways: Ways): Promise<{ result: EvaluationResult; told: Example[] }> {
  const told: Example[] = [];
  const add = (example: Example) => {
    const { logits, top } = example;
    told.push({ ...example, logits: logits.slice(), top: top.slice() });
  };
  const result = await evaluated(zeros, { ...ways, evaluations: [{ add }] });
  return { result, told };
}

test("evaluators are told of each image once, and of what the result is made", async () => {
  const { result, told } = await toldOf({});
  assert.deepEqual(
    told.map(({ index, label }) => [index, label]),
    [0, 1, 2].map((i) => [i, i]),
  );
  let sum = 0;
  for (const { logits, loss, top, label } of told) {
    assert.equal(logits.length, classes);
    const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
    assert.deepEqual([...top], order.slice(0, 5));
    const total = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    // Float32's cross-entropy.
    assert.ok(Math.abs(Math.log(total) - logits[label]! - loss) < 1e-5);
    sum += loss;
  }
  assert.equal(sum / 3, result.loss);
});

test("flip: the mean of an image's logits and the mirrored image's", async () => {
  const mirrored = val.images.pixels.slice();
  for (let row = 0; row < 3 * side; row++)
    for (let x = 0; x < side; x++)
      for (let c = 0; c < 3; c++)
        mirrored[3 * (row * side + x) + c] =
          val.images.pixels[3 * (row * side + side - 1 - x) + c]!;
  const [plain, other] = [
    await toldOf({}),
    await toldOf({ split: { ...val, images: { ...val.images, pixels: mirrored } } }),
  ];
  const { told } = await toldOf({ tta: "flip" });
  assert.notDeepEqual(plain.told[0]!.logits, other.told[0]!.logits);
  for (const [i, { logits }] of told.entries())
    for (const [k, logit] of logits.entries()) {
      const mean = (plain.told[i]!.logits[k]! + other.told[i]!.logits[k]!) / 2;
      // The same float32 operations on the same pixels; only the mean is rounded.
      assert.ok(Math.abs(logit - mean) < 1e-5, `${i} ${k}: ${logit}, ${mean}`);
    }
});

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
  const { loss } = await evaluated(zeros, { headFactor: 3e38 });
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
