/** Our own operations against the chains of TensorFlow's that they stand for, and against float64. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../src/archive/shape.js";
import { SessionError } from "../../src/engine/session.js";
import { inType, plainTarget } from "../../src/graph/target.js";
import { groupNormRelu, standardize } from "../../src/model/layers.js";
import { engine } from "../engine-for-tests.js";
import { deviation, run, type Values, wave } from "./traced-gradients.js";

/** In bfloat16 with the fused operations, and TensorFlow's convolutions. */
const narrowTarget = inType(engine.target, "bfloat16");

const normalize = ({ x, gamma, beta }: Record<string, tf.Tensor>) => {
  return groupNormRelu(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D);
};

function normInputs(shape: number[], mean = 0): Values {
  const channels = [shape[3]!];
  return {
    x: wave(shape, 1, mean),
    gamma: wave(channels, 2, 1),
    beta: wave(channels, 3),
    dy: wave(shape, 4),
  };
}

// One image and many rows is computed in parts; 33 images are not; 1 x 1 and odd sizes are the edges.
const shapes = [
  [2, 5, 3, 32],
  [3, 1, 1, 512],
  [1, 40, 41, 96],
  [33, 2, 2, 32],
  [2, 17, 16, 2048],
];

test("the engine under test has the fused operations", () => {
  assert.equal(engine.target.native.layers, engine.target.device === "CPU");
});

test("group normalization and ReLU in one operation equal the chain", async () => {
  for (const shape of shapes) {
    const fed = normInputs(shape);
    const chain = await run(plainTarget, fed, normalize);
    const one = await run(engine.target, fed, normalize);
    for (const [i, name] of ["y", "dx", "dgamma", "dbeta"].entries())
      assert.ok(
        deviation(one[i]!, chain[i]!) < 2e-5,
        `${shape} ${name}: ${deviation(one[i]!, chain[i]!)}`,
      );
  }
});

test("group normalization keeps its precision where the mean is far from zero", async () => {
  const shape = [1, 16, 16, 32];
  const fed = normInputs(shape, 100);
  const [y] = await run(engine.target, fed, normalize);
  const { x, gamma, beta } = fed;
  const wanted = new Float64Array(x!.data.length);
  for (let c = 0; c < 32; c++) {
    const values = Array.from({ length: 256 }, (_, r) => x!.data[r * 32 + c]!);
    const mean = values.reduce((a, b) => a + b) / 256;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / 256;
    for (const [r, value] of values.entries()) {
      const normalized = (value - mean) / Math.sqrt(variance + 1e-5);
      wanted[r * 32 + c] = Math.max(0, normalized * gamma!.data[c]! + beta!.data[c]!);
    }
  }
  assert.ok(deviation(y!, wanted) < 1e-3, `${deviation(y!, wanted)}`);
});

test("in bfloat16 the fused operation is as near to float32 as its type allows", async () => {
  for (const shape of shapes) {
    const fed = normInputs(shape);
    const wide = await run(engine.target, fed, normalize);
    const narrow = await run(narrowTarget, fed, ({ x, ...rest }) => {
      // A convolution by the identity brings x into the type of convolutions.
      const c = x!.shape[3]!;
      const identity = tf
        .oneHot(tf.tensor1d([...Array(c).keys()], "int32"), c)
        .reshape([1, 1, c, c]);
      const narrowed = tf.conv2d(x as tf.Tensor4D, identity as tf.Tensor4D, 1, "same");
      return normalize({ x: narrowed, ...rest });
    });
    // Where rounding moves a value over the ReLU's edge its gradient is another: compare the norms.
    for (const [i, name] of ["y", "dx", "dgamma", "dbeta"].entries()) {
      const error = narrow[i]!.map((value, j) => value - wide[i]![j]!);
      const share = Math.hypot(...sampled(error)) / Math.hypot(...sampled(wide[i]!));
      assert.ok(share < 0.05, `${shape} ${name}: ${share}`);
    }
  }
});

function sampled(values: Float32Array): number[] {
  const step = Math.max(1, Math.floor(values.length / 10_000));
  return Array.from(values).filter((_, i) => i % step === 0);
}

test("what is not a number stays visible through the fused operation", async () => {
  const fed = normInputs([1, 4, 4, 32]);
  fed["x"]!.data[5] = Number.NaN;
  const [y] = await run(engine.target, fed, normalize);
  assert.ok(y!.some(Number.isNaN));
});

test("weight standardization in one operation equals the chain", async () => {
  for (const shape of [
    [1, 1, 64, 256],
    [3, 3, 5, 7],
    [7, 7, 3, 64],
    [1, 1, 1, 3],
    [3, 3, 128, 65],
  ]) {
    const fed = { w: wave(shape, 5, 0.1), dy: wave(shape, 6) };
    const program = ({ w }: Record<string, tf.Tensor>) => standardize(w as tf.Tensor4D);
    const chain = await run(plainTarget, fed, program);
    const one = await run(engine.target, fed, program);
    // One value a filter: its deviation is 0 and the gradient is rounding divided by rounding.
    const outputs = sizeOf(shape.slice(0, 3)) === 1 ? ["y"] : ["y", "dw"];
    for (const [i, name] of outputs.entries())
      assert.ok(
        deviation(one[i]!, chain[i]!) < 2e-5,
        `${shape} ${name}: ${deviation(one[i]!, chain[i]!)}`,
      );
  }
});

test("two runs of the fused operations give the same bits", async () => {
  const fed = normInputs([2, 17, 16, 64]);
  const policy = engine.target;
  assert.deepEqual(await run(policy, fed, normalize), await run(policy, fed, normalize));
});

test("channels that the groups do not divide are refused with the reason", async () => {
  const fed = normInputs([1, 2, 2, 33]);
  const program = normalize;
  await assert.rejects(
    run(engine.target, fed, program),
    (error: unknown) =>
      error instanceof SessionError && /multiple of the groups/.test(error.message),
  );
});
