import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { floats } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { GraphDef } from "../../src/graph/proto.js";
import { encodeSavedModel, savedModelTag } from "../../src/graph/saved-model.js";
import { type ComputeType, inType, plainTarget } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { groupNormRelu, standardizedConv } from "../../src/model/layers.js";
import { open } from "../engine-for-tests.js";

/** A graph as lines of `name = Op(inputs)`. */
function printed({ node }: GraphDef): string[] {
  return node.map(({ name, op, input }) => `${name} = ${op}(${input.join(", ")})`);
}

test("a traced program and its gradient, node by node", async () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", [2, 3]);
  await trace(builder, plainTarget, (graph) => {
    const value = graph.tensor<tf.Rank.R2>(x);
    const gradient = tf.grad((v) => tf.relu(v).square().sum())(value);
    builder.fetchable("gradient", graph.value(gradient));
  });
  assert.deepEqual(printed(builder.build().def), [
    "x = Placeholder()",
    "Relu = Relu(x)",
    "Square = Square(Relu)",
    "Const = Const()",
    "Sum = Sum(Square, Const)",
    "Const_1 = Const()",
    "Const_2 = Const()",
    "Reshape = Reshape(Const_1, Const_2)",
    "Const_3 = Const()",
    "Fill = Fill(Const_3, Const_1)",
    "Mul = Mul(Reshape, Fill)",
    "Const_4 = Const()",
    "Mul_1 = Mul(Relu, Const_4)",
    "Mul_2 = Mul(Mul, Mul_1)",
    "Const_5 = Const()",
    "Greater = Greater(x, Const_5)",
    "Cast = Cast(Greater)",
    "Mul_3 = Mul(Mul_2, Cast)",
    "gradient = Identity(Mul_3)",
  ]);
});

test("traces that are asked for at once come one after the other, whatever becomes of them", async () => {
  await tf.setBackend("cpu");
  const order: string[] = [];
  const builders = [new GraphBuilder(), new GraphBuilder(), new GraphBuilder()] as const;
  const results = await Promise.allSettled(
    builders.map((builder, i) =>
      trace(builder, plainTarget, (graph) => {
        order.push(`${i}`);
        if (i === 1) throw new Error("on purpose");
        return graph.value(tf.relu(tf.tensor1d([i]))).node;
      }),
    ),
  );
  assert.deepEqual(order, ["0", "1", "2"]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const [first, , last] = builders.map((builder) => printed(builder.build().def));
  assert.deepEqual(first, ["Const = Const()", "Relu = Relu(Const)"]);
  assert.deepEqual(last, first);
  assert.equal(tf.getBackend(), "cpu");
});

test("TF.js's backend is the same before and after a trace, also after one that fails", async () => {
  await tf.setBackend("cpu");
  const builder = new GraphBuilder();
  await trace(builder, plainTarget, () => tf.add(1, 2));
  assert.equal(tf.getBackend(), "cpu");
  const failing = trace(builder, plainTarget, () => {
    throw new Error("on purpose");
  });
  await assert.rejects(failing, /on purpose/);
  assert.equal(tf.getBackend(), "cpu");
  assert.equal(tf.add(1, 2).dataSync()[0], 3);
});

test("values do not exist while tracing, and large constants are refused", async () => {
  const builder = new GraphBuilder();
  const program = (body: () => unknown) => trace(builder, plainTarget, body);
  await assert.rejects(
    program(() => tf.add(1, 2).dataSync()),
    /has no values/,
  );
  const large = Float32Array.from({ length: 5000 }, (_, i) => i);
  await assert.rejects(
    program(() => tf.tensor1d(large)),
    /5000 values/,
  );
});

test("an encoded SavedModel holds false, zero and empty attributes", () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", []);
  builder.one(
    "Cast",
    [x],
    { SrcT: { type: 1 }, DstT: { type: 14 }, Truncate: { b: false } },
    { type: "bfloat16", shape: [] },
  );
  const bytes = Buffer.from(
    encodeSavedModel({ metaInfoDef: { tags: [savedModelTag] }, graphDef: builder.build().def }),
  );
  // AttrValue { b: false }: key "Truncate", then field 2 of two bytes: 0x28 (field 5, varint), 0.
  const at = bytes.indexOf("Truncate");
  assert.deepEqual([...bytes.subarray(at + 8, at + 12)], [0x12, 0x02, 0x28, 0x00]);
});

/** `f` of fed images and its gradient by each input, run as a session in a compute type. */
async function traced(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly tf.Tensor[],
  computeType: ComputeType,
): Promise<Float32Array[]> {
  const host = inputs.map((input) => input.dataSync() as Float32Array);
  const builder = new GraphBuilder();
  const fed = inputs.map(({ shape }, i) => builder.placeholder(`input_${i}`, "float32", shape));
  await trace(builder, inType(plainTarget, computeType), (graph) => {
    const tensors = fed.map((one) => graph.tensor(one));
    const { value, grads } = tf.valueAndGrads((...args: tf.Tensor[]) => {
      const y = f(...args);
      return y.mul(y).sum() as tf.Scalar;
    })(tensors);
    builder.fetchable("value", graph.float32(value));
    grads.forEach((grad, i) => {
      builder.fetchable(`gradient_${i}`, graph.float32(grad));
    });
  });
  const session = open(builder.build());
  try {
    const feeds = Object.fromEntries(
      inputs.map(({ shape }, i) => {
        return [`input_${i}`, { type: "float32", shape, data: host[i]! }] as const;
      }),
    );
    const names = ["value", ...inputs.map((_, i) => `gradient_${i}`)];
    return (await session.run(feeds, names)).map(floats);
  } finally {
    session.close();
  }
}

function random(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, "float32", seed);
}

const layers = {
  "group normalization and ReLU": {
    f: (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
      return groupNormRelu(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D);
    },
    shapes: [[2, 3, 5, 64], [64], [64]],
  },
  "standardized convolution, stride 2": {
    f: (x: tf.Tensor, kernel: tf.Tensor) => {
      return standardizedConv(x as tf.Tensor4D, kernel as tf.Tensor4D, 2);
    },
    shapes: [
      [2, 7, 6, 8],
      [3, 3, 8, 16],
    ],
  },
} as const;

/** Group normalization by textbook: moments over each group, then scale, shift and ReLU. */
function textbookGroupNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const grouped = x.reshape([n, h, w, 32, c / 32]);
  const { mean, variance } = tf.moments(grouped, [1, 2, 4], true);
  const normal = grouped.sub(mean).div(variance.add(1e-5).sqrt()).reshape([n, h, w, c]);
  return normal.mul(gamma).add(beta).relu();
}

/** The convolution by textbook: moments of each filter, pad, then convolve. */
function textbookConv(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(kernel, [0, 1, 2], true);
  const standard = kernel.sub(mean).div(variance.add(1e-10).sqrt()) as tf.Tensor4D;
  const zeros: [number, number][] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  return tf.conv2d(tf.pad(x, zeros) as tf.Tensor4D, standard, 2, "valid");
}

for (const [name, { f, shapes }] of Object.entries(layers)) {
  test(`${name}: value and gradients as textbook code's on TF.js's own CPU backend`, async () => {
    await tf.setBackend("cpu");
    const inputs = shapes.map((shape, i) => random([...shape], 7 + i));
    const textbook = name.startsWith("group") ? textbookGroupNorm : textbookConv;
    const call = textbook as (...args: tf.Tensor[]) => tf.Tensor;
    const { value, grads } = tf.valueAndGrads((...args: tf.Tensor[]) => {
      const y = call(...args);
      return y.mul(y).sum() as tf.Scalar;
    })(inputs);
    const wanted = [value, ...grads].map((t) => t.dataSync() as Float32Array);
    const close = (got: Float32Array[], tolerance: number, what: string) => {
      wanted.forEach((values, i) => {
        const largest = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const worst = values.reduce((m, v, k) => Math.max(m, Math.abs(v - got[i]![k]!)), 0);
        assert.ok(worst <= tolerance * largest, `${what} ${i}: ${worst} of ${largest}`);
      });
    };
    const ours = f as (...args: tf.Tensor[]) => tf.Tensor;
    // float32 sums of some hundred values in another order.
    close(await traced(ours, inputs, "float32"), 2e-5, "float32");
    // bfloat16 has 8 bits: 0.4 % a value, and values near a ReLU's edge may change sides.
    close(await traced(ours, inputs, "bfloat16"), 0.05, "bfloat16");
  });
}

const curves = {
  sigmoid: {
    f: (x: tf.Tensor) => tf.sigmoid(x),
    y: (x: number) => 1 / (1 + Math.exp(-x)),
    slope: (y: number) => y * (1 - y),
  },
  tanh: { f: (x: tf.Tensor) => tf.tanh(x), y: Math.tanh, slope: (y: number) => 1 - y * y },
};

for (const [name, { f, y: valueAt, slope }] of Object.entries(curves)) {
  test(`${name}: value and gradient as in float64`, async () => {
    await tf.setBackend("cpu");
    const x = [-20, -1.5, -0.25, 0, 0.5, 3, 20];
    const values = x.map(valueAt);
    const [sum, gradient] = await traced(f, [tf.tensor1d(x)], "float32");
    const wanted = values.reduce((total, y) => total + y * y, 0);
    assert.ok(Math.abs(sum![0]! - wanted) < 1e-6 * wanted, `${sum} instead of ${wanted}`);
    for (const [i, y] of values.entries()) {
      const got = gradient![i]!;
      assert.ok(Math.abs(got - 2 * y * slope(y)) < 1e-6, `${x[i]}: ${got}`);
    }
  });
}
