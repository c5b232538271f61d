/** Winograd convolutions of float32 and their gradients against float64, computed as they are defined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import {
  byWinograd,
  plainTarget,
  type Target,
  type WinogradShape,
} from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { groupNormRelu } from "../../src/model/layers.js";
import { engine } from "../engine-for-tests.js";
import { definition } from "./defined-convolution.js";
import type { ConvolutionCase, Shape } from "./tile-cases.js";
import { deviation, run, type Values, wave } from "./traced-gradients.js";

const skip = !engine.target.native.layers;

/** Winograd convolutions, also where TensorFlow's are faster; gradients of other kernels are TensorFlow's. */
const onWinograd: Target = {
  ...engine.target,
  native: {
    ...engine.target.native,
    float32: {
      ...{ convolutions: false, winograd: true, fusesNormalization: true },
      why: "a test",
    },
  },
};

const convolved = ({ x, kernel }: Record<string, tf.Tensor>) =>
  tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, "same");

function madeCase(x: Shape, out: number): { c: ConvolutionCase; fed: Values } {
  const kernel: Shape = [3, 3, x[3], out];
  const [n, h, w] = x;
  const fed = { x: wave(x, 1), kernel: wave(kernel, 3), dy: wave([n, h, w, out], 2) };
  return { c: { x, kernel, stride: 1, pad: "same" }, fed };
}

// Whole squares of 4 x 4 pixels and squares cut off at an image's right and lower edge; more squares than a task has,
// and tasks of one to six rows; other channels in than out; more of them than are transformed at a time.
const cases: [Shape, number][] = [
  [[6, 8, 8, 16], 16],
  [[7, 7, 7, 32], 48],
  [[30, 4, 4, 48], 32],
  [[2, 16, 24, 16], 32],
  [[2, 13, 15, 16], 16],
  [[1, 25, 20, 16], 64],
  [[3, 31, 9, 80], 16],
  [[25, 4, 4, 16], 16],
  [[40, 20, 20, 112], 112],
];

for (const [x, out] of cases) {
  test(`x [${x}], kernel [3,3,${x[3]},${out}]: the convolution and its gradients`, {
    skip,
  }, async () => {
    const { c, fed } = madeCase(x, out);
    const wanted = definition(c, fed["x"]!.data, fed["kernel"]!.data, fed["dy"]!.data);
    const [got, direct] = [
      await run(onWinograd, fed, convolved),
      await run(plainTarget, fed, convolved),
    ];
    for (const [i, name] of ["y", "dx", "dw"].entries()) {
      // TensorFlow's sums of products, by definition, are 4e-7 to 7e-6 off, by the processor.
      const [ours, theirs] = [got, direct].map((values) => deviation(values[i]!, wanted[i]!));
      assert.ok(ours! < 2e-5, `${name}: ${ours}, TensorFlow's ${theirs}`);
    }
  });
}

async function operationsOf(
  target: Target,
  fed: Values,
  program: (inputs: Record<string, tf.Tensor>) => tf.Tensor,
): Promise<string[]> {
  const builder = new GraphBuilder();
  const names = Object.keys(fed).filter((name) => name !== "dy");
  const spots = [...names, "dy"].map((name) => {
    return builder.placeholder(name, "float32", fed[name]!.shape);
  });
  await trace(builder, target, (graph) => {
    const tensors = spots.map((spot) => graph.tensor(spot));
    const body = (...values: tf.Tensor[]) =>
      program(Object.fromEntries(names.map((name, i) => [name, values[i]!])));
    const dy = tensors.pop()!;
    const made = [body(...tensors), ...tf.grads(body)(tensors, dy)];
    for (const [i, out] of made.entries()) builder.fetchable(`out/${i}`, graph.float32(out));
  });
  return builder.build().def.node.map(({ op }) => op);
}

test("a convolution and both gradients are Winograd's where a target has them, and TensorFlow's elsewhere", async () => {
  const { fed } = madeCase([6, 8, 8, 16], 16);
  const all = await operationsOf(onWinograd, fed, convolved);
  const ours = new Set(all.filter((op) => /Conv|Winograd/.test(op)));
  assert.deepEqual([...ours].sort(), ["BitWinogradConv", "BitWinogradFilterGrad"]);
  for (const target of [plainTarget, { ...onWinograd, computeType: "bfloat16" } as const]) {
    const others = await operationsOf(target, fed, convolved);
    assert.ok(!others.some((op) => /Winograd/.test(op)), `${others}`);
  }
});

test("only kernels of 3 x 3 at stride 1, padded by 1, of enough squares, are computed by Winograd's way", () => {
  const padInfo = { top: 1, bottom: 1, left: 1, right: 1 };
  const shape: WinogradShape = {
    ...{ batchSize: 24, inHeight: 4, inWidth: 4, padInfo, inChannels: 16, outChannels: 32 },
    ...{ filterHeight: 3, filterWidth: 3, strideHeight: 1, strideWidth: 1 },
  };
  assert.equal(byWinograd(onWinograd, shape), true);
  const others: Partial<WinogradShape>[] = [
    { batchSize: 23 },
    // 36 products for four pixels: as many as by definition.
    { inHeight: 2, inWidth: 2, batchSize: 100 },
    { filterHeight: 1 },
    { filterWidth: 5 },
    { strideHeight: 2 },
    { padInfo: { ...padInfo, bottom: 0 } },
    { inChannels: 24 },
    { outChannels: 8 },
  ];
  for (const other of others)
    assert.equal(byWinograd(onWinograd, { ...shape, ...other }), false, JSON.stringify(other));
});

test("an image's values have the same bits whatever is beside it, and from run to run", {
  skip,
}, async () => {
  const { fed } = madeCase([30, 7, 9, 32], 32);
  const [y, dx, dw] = await run(onWinograd, fed, convolved);
  assert.deepEqual(await run(onWinograd, fed, convolved), [y, dx, dw]);
  const last = (from: Float32Array, count: number) => from.slice(from.length * (1 - count / 30));
  const part = (name: string, count: number) => {
    const { shape, data } = fed[name]!;
    return { shape: [count, ...shape.slice(1)], data: last(data, count) };
  };
  const few = { x: part("x", 6), kernel: fed["kernel"]!, dy: part("dy", 6) };
  const [someY, someDx] = await run(onWinograd, few, convolved);
  assert.deepEqual(someY, last(y!, 6));
  assert.deepEqual(someDx, last(dx!, 6));
});

test("zeros stay zeros, and what is not a number goes no further than the squares that meet it", {
  skip,
}, async () => {
  const { fed } = madeCase([2, 16, 16, 16], 16);
  const zeros = { ...fed, x: { ...fed["x"]!, data: new Float32Array(fed["x"]!.data.length) } };
  const [none] = await run(onWinograd, zeros, convolved);
  assert.ok(none!.every((value) => value === 0));
  const data = fed["x"]!.data.slice();
  data[0] = Number.NaN;
  const [y] = await run(onWinograd, { ...fed, x: { ...fed["x"]!, data } }, convolved);
  const hasNan = (row: number, column: number) =>
    y!.slice((row * 16 + column) * 16, (row * 16 + column + 1) * 16).some(Number.isNaN);
  assert.ok(hasNan(0, 0) && hasNan(1, 1));
  assert.ok(!hasNan(4, 0) && !hasNan(0, 4) && !hasNan(15, 15));
});

/** As in a unit: a normalization that the convolution alone reads. */
const unit = ({ x, gamma, beta, kernel }: Record<string, tf.Tensor>): tf.Tensor => {
  const maps = groupNormRelu(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D);
  return convolved({ x: maps, kernel: kernel! });
};

/** Normalization is an operation of its own. */
const apart: Target = {
  ...onWinograd,
  native: {
    ...onWinograd.native,
    float32: { ...onWinograd.native.float32, fusesNormalization: false },
  },
};

for (const x of [
  [6, 9, 8, 64],
  [30, 4, 4, 32],
  [2, 20, 18, 96],
] as Shape[])
  test(`x [${x}]: group normalization is part of the convolution and of its kernel's gradient`, {
    skip,
  }, async () => {
    const { fed: plain } = madeCase(x, 48);
    const [, , , channels] = x;
    const fed = {
      ...plain,
      x: wave(x, 1, 0.5),
      gamma: wave([channels], 5, 1),
      beta: wave([channels], 6, 0.2),
    };
    assert.ok((await operationsOf(onWinograd, fed, unit)).includes("BitGroupNormFactors"));
    assert.ok(!(await operationsOf(apart, fed, unit)).includes("BitGroupNormFactors"));
    const [fused, unfused] = [await run(onWinograd, fed, unit), await run(apart, fed, unit)];
    for (const [i, values] of unfused.entries()) {
      // Sums of a normalization are split in another way, and so is the last place of its factors.
      const off = deviation(fused[i]!, values);
      assert.ok(off < 1e-5, `${i}: ${off}`);
    }
  });

test("channels in no multiple of 32 are normalized before the convolution", { skip }, async () => {
  const { fed: plain } = madeCase([6, 8, 8, 16], 16);
  const fed = { ...plain, gamma: wave([16], 5, 1), beta: wave([16], 6) };
  const made = await operationsOf(onWinograd, fed, (inputs) => {
    const maps = groupNormRelu(
      inputs["x"] as tf.Tensor4D,
      inputs["gamma"] as tf.Tensor1D,
      inputs["beta"] as tf.Tensor1D,
    );
    return convolved({ x: maps, kernel: inputs["kernel"]! });
  });
  assert.ok(!made.includes("BitGroupNormFactors") && made.includes("BitWinogradConv"));
});
