/** Our gradient of a bfloat16 convolution by its kernel against float64, computed as it is defined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { engine } from "../engine-for-tests.js";
import { deviation, run, wave } from "./traced-gradients.js";

type Shape = [number, number, number, number];

interface Case {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly stride: 1 | 2;
  readonly pad: "same" | "valid";
}

/** The nearest bfloat16, ties to even. */
function narrowed(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.slice().buffer);
  for (const [i, b] of bits.entries()) bits[i] = ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer);
}

function geometry({ x, kernel, stride, pad }: Case) {
  const info = tf.backend_util.computeConv2DInfo(x, kernel, stride, 1, pad);
  return { out: info.outShape, top: info.padInfo.top, left: info.padInfo.left };
}

function definition(c: Case, x: Float32Array, dy: Float32Array): Float64Array {
  const [n, h, w, ci] = c.x;
  const [kh, kw, , co] = c.kernel;
  const { out, top, left } = geometry(c);
  const [, oh, ow] = out;
  const dw = new Float64Array(kh * kw * ci * co);
  for (let image = 0; image < n; image++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const [y, z] = [oy * c.stride + ky - top, ox * c.stride + kx - left];
            if (y < 0 || y >= h || z < 0 || z >= w) continue;
            const from = ((image * h + y) * w + z) * ci;
            const by = ((image * oh + oy) * ow + ox) * co;
            for (let i = 0; i < ci; i++)
              for (let o = 0; o < co; o++)
                dw[((ky * kw + kx) * ci + i) * co + o]! += x[from + i]! * dy[by + o]!;
          }
  return dw;
}

async function gradient(c: Case) {
  const x = wave(c.x, 1);
  const dy = wave(geometry(c).out as Shape, 2);
  const fed = { x, kernel: wave(c.kernel, 3), dy };
  const policy = { computeType: "bfloat16", fused: true } as const;
  const made = await run(policy, fed, ({ x: images, kernel }) => {
    return tf.conv2d(images as tf.Tensor4D, kernel as tf.Tensor4D, c.stride, c.pad);
  });
  return { got: made[2]!, wanted: definition(c, narrowed(x.data), narrowed(dy.data)) };
}

// Odd widths leave half a pair at a row's end; 48 channels leave a panel of 16; 40 x 40 makes several
// blocks of a sum; 9 images of 64 x 64 are more than are packed at a time.
const cases: Case[] = [
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
  test(`gradient by the kernel: ${name}`, { skip: !engine.fused }, async () => {
    const { got, wanted } = await gradient(c);
    // Products of bfloat16 are exact in float32; only the sums are rounded.
    assert.ok(deviation(got, wanted) < 1e-5, `${deviation(got, wanted)}`);
  });
}

test("two runs of a gradient by the kernel give the same bits", {
  skip: !engine.fused,
}, async () => {
  const { got: first } = await gradient(cases[4]!);
  const { got: second } = await gradient(cases[4]!);
  assert.deepEqual(first, second);
});

test("other channels than multiples of 16 take TensorFlow's gradient", async () => {
  const c: Case = { x: [2, 6, 6, 3], kernel: [3, 3, 3, 16], stride: 1, pad: "same" };
  const { got, wanted } = await gradient(c);
  // The result is a bfloat16.
  assert.ok(deviation(got, wanted) < 2 ** -8, `${deviation(got, wanted)}`);
});
