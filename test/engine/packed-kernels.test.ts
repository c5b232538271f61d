/** Kernels that their standardization packs for convolutions on tiles: the bits are those of kernels as they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { trace } from "../../src/graph/trace.js";
import { standardize } from "../../src/model/layers.js";
import { engine } from "../engine-for-tests.js";
import {
  type ConvolutionCase,
  convolved,
  madeValues,
  onPlainTiles,
  onProcessorsTiles,
  tilesMissing,
} from "./tile-cases.js";
import { deviation, run, wave } from "./traced-gradients.js";

const skip = !engine.target.native.layers && "the engine has no operations of ours";

// 1 x 1 and 3 x 3, strides, one panel and several, and more rows than a task standardizes at a time.
const cases: ConvolutionCase[] = [
  { x: [2, 5, 4, 64], kernel: [1, 1, 64, 96], stride: 1, pad: "same" },
  { x: [2, 7, 5, 32], kernel: [3, 3, 32, 32], stride: 1, pad: "same" },
  { x: [1, 8, 9, 96], kernel: [3, 3, 96, 64], stride: 2, pad: "valid" },
  { x: [1, 4, 4, 512], kernel: [1, 1, 512, 1024], stride: 2, pad: "same" },
];

for (const c of cases)
  test(`x [${c.x}], kernel [${c.kernel}], stride ${c.stride}, ${c.pad}`, { skip }, async () => {
    const { x, dy } = madeValues(c);
    const w = wave([...c.kernel], 5, 0.1);
    const [kernel] = await run(onPlainTiles, { w, dy: w }, (inputs) => {
      return standardize(inputs["w"] as tf.Tensor4D);
    });
    const asItIs = await convolved(onPlainTiles, c, {
      x: x!,
      kernel: { shape: [...c.kernel], data: kernel! },
      dy: dy!,
    });
    const [, wanted] = await run(onPlainTiles, { w, dy: { ...w, data: asItIs[2] } }, (inputs) => {
      return standardize(inputs["w"] as tf.Tensor4D);
    });
    const program = (inputs: Record<string, tf.Tensor>) => {
      const standardized = standardize(inputs["w"] as tf.Tensor4D);
      return tf.conv2d(inputs["x"] as tf.Tensor4D, standardized, c.stride, c.pad);
    };
    const [y, dx, dw] = await run(onPlainTiles, { x: x!, w, dy: dy! }, program);
    assert.deepEqual(y, asItIs[0]);
    assert.deepEqual(dx, asItIs[1]);
    // The gradient by the standardized kernel is fed as bfloat16 above, and is float32 here.
    assert.ok(deviation(dw!, wanted!) < 2 ** -7, `${deviation(dw!, wanted!)}`);
    if (tilesMissing === "")
      assert.deepEqual(await run(onProcessorsTiles, { x: x!, w, dy: dy! }, program), [y, dx, dw]);
  });

test("a traced convolution and its gradient take the packed kernel", { skip }, async () => {
  const builder = new GraphBuilder();
  const spot = (name: string, shape: number[]) => builder.placeholder(name, "float32", shape);
  const [x, w, dy] = [
    spot("x", [1, 4, 4, 32]),
    spot("w", [3, 3, 32, 64]),
    spot("dy", [1, 4, 4, 64]),
  ];
  await trace(builder, onPlainTiles, (graph) => {
    const body = (images: tf.Tensor, kernel: tf.Tensor) => {
      const standardized = standardize(kernel as tf.Tensor4D);
      return tf.conv2d(images as tf.Tensor4D, standardized, 1, "same");
    };
    const inputs = [graph.tensor(x), graph.tensor(w)];
    const y = body(inputs[0]!, inputs[1]!);
    const [dx] = tf.grads(body)(inputs, graph.tensor(dy));
    for (const [name, out] of Object.entries({ y, dx: dx! }))
      builder.fetchable(name, graph.float32(out));
  });
  const { node } = builder.build().def;
  const packs = node.flatMap(({ op, attr }) => (attr["packed"] === undefined ? [] : [op]));
  assert.deepEqual([...new Set(packs)].sort(), ["BitConv", "BitStandardize"]);
  for (const { op, attr } of node)
    if (attr["packed"] !== undefined) assert.equal(attr["packed"].i, 1, op);
});

test("a channel count that makes no panels is refused", { skip }, async () => {
  const builder = new GraphBuilder();
  const w = builder.placeholder("w", "float32", [1, 1, 48, 64]);
  const attr = { T: { type: 14 }, epsilon: { f: 1e-5 }, packed: { i: 1 } };
  const float = (shape: number[]) => ({ type: "float32", shape }) as const;
  const outputs = [{ type: "bfloat16", shape: [1, 1, 48, 64] } as const, float([64]), float([64])];
  const [, mean] = builder.add("BitStandardize", [w], attr, outputs);
  builder.fetchable("mean", { ...mean!, type: "float32" });
  const session = engine.open(builder.build());
  const fed = { w: { type: "float32" as const, ...wave([1, 1, 48, 64], 1) } };
  try {
    await assert.rejects(session.run(fed, ["mean"]), /multiples of 32/);
  } finally {
    session.close();
  }
});
