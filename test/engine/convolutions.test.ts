/** Our convolutions by vectors and their gradients against float64, computed as they are defined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { inType, ownConvolution, plainTarget } from "../../src/graph/target.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import { definition, geometry } from "./defined-convolution.js";
import {
  assertRounded,
  type ConvolutionCase,
  convolved,
  onFloat32,
  onVectors,
  type Shape,
} from "./tile-cases.js";
import { deviation, run, wave } from "./traced-gradients.js";

function fedOf(c: ConvolutionCase) {
  return { x: wave(c.x, 1), kernel: wave(c.kernel, 3), dy: wave(geometry(c).out, 2) };
}

async function both(c: ConvolutionCase) {
  const fed = fedOf(c);
  const got = await convolved(onVectors, c, fed);
  const [x, kernel, dy] = [fed.x, fed.kernel, fed.dy].map(({ data }) => narrowed(data));
  return { got, wanted: definition(c, x!, kernel!, dy!) };
}

// Odd widths leave half a pair at a row's end; 48 channels leave a panel of 16; 40 x 40 makes several
// blocks of a sum; 9 images of 64 x 64 are more than are packed at a time.
const cases: ConvolutionCase[] = [
  { x: [2, 8, 8, 32], kernel: [1, 1, 32, 64], stride: 1, pad: "same" },
  { x: [3, 5, 7, 16], kernel: [1, 1, 16, 48], stride: 1, pad: "same" },
  { x: [2, 9, 8, 32], kernel: [1, 1, 32, 32], stride: 2, pad: "valid" },
  { x: [2, 8, 8, 32], kernel: [3, 3, 32, 48], stride: 1, pad: "same" },
  { x: [2, 7, 5, 16], kernel: [3, 3, 16, 16], stride: 1, pad: "same" },
  { x: [1, 40, 40, 16], kernel: [3, 3, 16, 32], stride: 1, pad: "same" },
  { x: [2, 10, 10, 16], kernel: [3, 3, 16, 32], stride: 2, pad: "valid" },
  { x: [2, 11, 9, 16], kernel: [3, 3, 16, 32], stride: 2, pad: "same" },
  { x: [2, 8, 8, 16], kernel: [3, 3, 16, 32], stride: 2, pad: "same" },
  { x: [1, 12, 12, 16], kernel: [5, 3, 16, 16], stride: 1, pad: "valid" },
  { x: [33, 1, 1, 64], kernel: [1, 1, 64, 32], stride: 1, pad: "same" },
  { x: [9, 64, 64, 64], kernel: [1, 1, 64, 16], stride: 1, pad: "same" },
  { x: [1, 2, 2, 16], kernel: [3, 3, 16, 16], stride: 1, pad: "same" },
];

for (const c of cases) {
  const name = `x [${c.x}], kernel [${c.kernel}], stride ${c.stride}, ${c.pad}`;
  test(`${name}: the convolution and its gradients`, {
    skip: !engine.target.native.layers,
  }, async () => {
    const { got, wanted } = await both(c);
    // Products of bfloat16 are exact in float32: float32 sums are rounded, and then y and dx are.
    assertRounded(got[0]!, wanted[0]);
    assertRounded(got[1]!, wanted[1]);
    assert.ok(deviation(got[2]!, wanted[2]) < 1e-5, `dw: ${deviation(got[2]!, wanted[2])}`);
  });
}

for (const c of cases) {
  const name = `x [${c.x}], kernel [${c.kernel}], stride ${c.stride}, ${c.pad}`;
  test(`${name}: the convolution of float32 and its gradients`, {
    skip: !engine.target.native.layers,
  }, async () => {
    const fed = fedOf(c);
    const wanted = definition(c, fed.x.data, fed.kernel.data, fed.dy.data);
    const [ours, theirs] = await Promise.all(
      [onFloat32, plainTarget].map(async (target) => {
        const got = await convolved(target, c, fed);
        return wanted.map((values, i) => deviation(got[i]!, values));
      }),
    );
    // Sums of up to 36,864 products; TensorFlow's float32 sums are as far off.
    for (const [i, what] of ["y", "dx", "dw"].entries()) {
      const [own, other] = [ours![i]!, theirs![i]!];
      assert.ok(own < 2e-5 && own < 1e-6 + 2 * other, `${what}: ${own}, TensorFlow's ${other}`);
    }
  });
}

test("what is added to a convolution of float32 is part of it", {
  skip: !engine.target.native.layers,
}, async () => {
  for (const c of [cases[3]!, cases[2]!]) {
    const fed = fedOf(c);
    const plus = wave(geometry(c).out, 5);
    const got = await run(onFloat32, { ...fed, plus }, ({ x, kernel, plus }) => {
      return tf.add(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, c.stride, c.pad), plus!);
    });
    const [y, dx] = definition(c, fed.x.data, fed.kernel.data, fed.dy.data);
    const wanted = y.map((value, i) => value + plus.data[i]!);
    // Sums of up to 432 products, each rounded to float32.
    assert.ok(deviation(got[0]!, wanted) < 3e-6, `y: ${deviation(got[0]!, wanted)}`);
    assert.ok(deviation(got[1]!, dx) < 3e-6, `dx: ${deviation(got[1]!, dx)}`);
  }
});

test("an image of float32 has the same bits whatever is beside it", {
  skip: !engine.target.native.layers,
}, async () => {
  for (const c of [cases[1]!, cases[7]!, cases[11]!]) {
    const fed = fedOf(c);
    const [n] = c.x;
    const last = ({ shape, data }: { shape: number[]; data: Float32Array }) => {
      return { shape: [1, ...shape.slice(1)], data: data.slice(-data.length / n) };
    };
    const all = await convolved(onFloat32, c, fed);
    const alone = { ...fed, x: last(fed.x), dy: last(fed.dy) };
    const [y, dx] = await convolved(onFloat32, c, alone);
    assert.deepEqual(y, all[0].slice(-y.length));
    assert.deepEqual(dx, all[1].slice(-dx.length));
  }
});

test("convolutions of float32 are ours where a target has them, but for other channels", () => {
  const ours = (inChannels: number, outChannels: number, target = onFloat32) => {
    return ownConvolution(target, { inChannels, outChannels, strideHeight: 2, strideWidth: 2 });
  };
  assert.equal(ours(16, 48), "vectors");
  assert.equal(ours(3, 64), undefined);
  assert.equal(ours(16, 40), undefined);
  assert.equal(ours(16, 48, inType(onFloat32, "float16")), undefined);
  assert.equal(ours(16, 48, plainTarget), undefined);
  const uneven = { strideHeight: 1, strideWidth: 2 };
  const shape = { inChannels: 64, outChannels: 64, ...uneven };
  assert.equal(ownConvolution(onFloat32, shape), undefined);
});

test("two runs give the same bits", { skip: !engine.target.native.layers }, async () => {
  const { got: first } = await both(cases[4]!);
  const { got: second } = await both(cases[4]!);
  assert.deepEqual(first, second);
});

test("what is added to a convolution is part of it, and rounded once", {
  skip: !engine.target.native.layers,
}, async () => {
  const c: ConvolutionCase = { x: [2, 5, 7, 16], kernel: [3, 3, 16, 48], stride: 1, pad: "same" };
  const shape = geometry(c).out as Shape;
  const fed = {
    x: wave(c.x, 1),
    kernel: wave(c.kernel, 3),
    // An addition is bfloat16 when one side is; so the shortcut is what bfloat16 can hold.
    plus: { shape, data: narrowed(wave(shape, 5).data) },
    dy: wave(shape, 2),
  };
  const got = await run(onVectors, fed, ({ x, kernel, plus }) => {
    return tf.add(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, "same"), plus!);
  });
  const [x, kernel, dy] = [fed.x, fed.kernel, fed.dy].map(({ data }) => narrowed(data));
  const [y] = definition(c, x!, kernel!, dy!);
  const wanted = y.map((value, i) => value + fed.plus.data[i]!);
  assertRounded(got[0]!, wanted);
});

test("other channels than multiples of 16 take TensorFlow's operations", async () => {
  const { got, wanted } = await both({
    ...{ x: [2, 6, 6, 3], kernel: [3, 3, 3, 16], stride: 1, pad: "same" },
  });
  // All three results are bfloat16; on a processor without instructions for it TensorFlow rounds its sums
  // on the way too, so that values are some places off: a sixteenth of the largest.
  for (const [i, values] of wanted.entries())
    assert.ok(deviation(got[i]!, values) < 2 ** -4, `${i}: ${deviation(got[i]!, values)}`);
});
