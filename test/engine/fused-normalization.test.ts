/**
 * Group normalization as part of the convolutions around it: on plain tiles, which have the bits of AMX's, and by the
 * processor's vectors.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../src/archive/shape.js";
import { inType, type Target } from "../../src/graph/target.js";
import { groupNormRelu, plainConv, zeroPad } from "../../src/model/layers.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import { networkLogits } from "./network-logits.js";
import { type Pass, runPass } from "./normalized-pass.js";
import {
  normalizingApart,
  normalizingFloat32,
  normalizingVectors,
  onFloat32,
  onPlainTiles,
  onProcessorsTiles,
  onVectors,
  type Shape,
  tilesMissing,
} from "./tile-cases.js";
import { deviation, run, type Values, wave } from "./traced-gradients.js";

const skip = !engine.target.native.layers && "the engine has no operations of ours";

// Blocks of 32 pixels that span images, and rows; rows longer than a segment; images of one pixel; strides whose
// padding is on one side; an image whose segments are several, and whose last is short; many blocks of 128 pixels, of which
// vectors normalize each by itself.
const passes: Pass[] = [
  { x: [5, 3, 3, 32], kernel: [1, 1, 32, 64], stride: 1, pad: 0 },
  { x: [2, 16, 16, 32], kernel: [1, 1, 32, 96], stride: 1, pad: 0 },
  { x: [3, 5, 7, 64], kernel: [3, 3, 64, 32], stride: 1, pad: 1 },
  { x: [2, 9, 8, 32], kernel: [3, 3, 32, 64], stride: 2, pad: 1 },
  { x: [2, 3, 150, 32], kernel: [3, 3, 32, 32], stride: 1, pad: 1 },
  { x: [37, 1, 1, 96], kernel: [1, 1, 96, 160], stride: 1, pad: 0 },
  { x: [3, 7, 5, 32], kernel: [1, 1, 32, 32], stride: 2, pad: 0 },
  { x: [1, 29, 13, 32], kernel: [3, 3, 32, 32], stride: 1, pad: 1 },
  { x: [9, 28, 27, 32], kernel: [3, 3, 32, 32], stride: 1, pad: 1 },
  { x: [2, 90, 91, 32], kernel: [3, 3, 32, 32], stride: 2, pad: 1 },
];

/** By vectors in float32. */
const float32 = { by: "vectors", type: "float32" } as const;

for (const pass of passes) {
  const name = `x [${pass.x}], kernel [${pass.kernel}], stride ${pass.stride}`;

  test(`${name}: mean and deviation of what is made, from its moments`, { skip }, async () => {
    // A sum far from zero, of another size in each image.
    for (const far of [0, 100]) {
      const { y, shape, mean, rstd } = await runPass({
        ...pass,
        far: (image) => far / (1 + image),
      });
      const [n, h, w, c] = shape;
      for (let image = 0; image < n; image++)
        for (let group = 0; group < 32; group++) {
          const values: number[] = [];
          for (let pixel = 0; pixel < h * w; pixel++)
            for (let i = 0; i < c / 32; i++)
              values.push(y[(image * h * w + pixel) * c + (group * c) / 32 + i]!);
          const mu = values.reduce((a, b) => a + b) / values.length;
          const variance = values.reduce((a, b) => a + (b - mu) ** 2, 0) / values.length;
          const r = 1 / Math.sqrt(variance + 1e-5);
          const at = image * 32 + group;
          // The rounding of float32, and that of sums of some 64 values in it; far from zero these are exact.
          const largest = Math.max(...values.map(Math.abs));
          assert.ok(Math.abs(mean[at]! - mu) < 1e-6 * largest, `mean ${mean[at]}, ${mu}`);
          assert.ok(Math.abs(rstd[at]! / r - 1) < 2e-6, `rstd ${rstd[at]}, ${r}`);
        }
    }
  });

  test(`${name}: what is read is normalized, but not its padding`, { skip }, async () => {
    const fused = await runPass({ ...pass, normalize: "in the convolution" });
    if (tilesMissing === "")
      assert.deepEqual(
        await runPass({ ...pass, normalize: "in the convolution", by: "amx" }),
        fused,
      );
    for (const by of ["plain", "vectors"] as const) {
      const [inside, before] = [
        by === "plain" ? fused : await runPass({ ...pass, normalize: "in the convolution", by }),
        await runPass({ ...pass, normalize: "before it", by }),
      ];
      assert.ok(before.y.some((value) => value !== 0));
      assert.deepEqual(inside.y, before.y, by);
      assert.deepEqual(inside.dw, before.dw, by);
    }
  });

  test(`${name}: what is read of float32 is normalized, but not its padding`, {
    skip,
  }, async () => {
    const [inside, before] = [
      await runPass({ ...pass, ...float32, normalize: "in the convolution" }),
      await runPass({ ...pass, ...float32, normalize: "before it" }),
    ];
    // Products and sums of a normalization are rounded one by one, or together: half of float32's last place.
    assert.ok(deviation(inside.y, before.y) < 1e-6, `y: ${deviation(inside.y, before.y)}`);
    assert.ok(deviation(inside.dw, before.dw) < 1e-6, `dw: ${deviation(inside.dw, before.dw)}`);
  });

  test(`${name}: an image alone has the bits that it has beside others`, { skip }, async () => {
    const [n] = pass.x;
    for (const how of [{}, float32]) {
      const options = { ...pass, ...how, normalize: "in the convolution" } as const;
      const [all, last] = [await runPass(options), await runPass({ ...options, only: n - 1 })];
      for (const what of ["y", "mean", "rstd"] as const)
        assert.deepEqual(last[what], all[what].slice(-last[what].length), what);
    }
  });
}

test("channels that are normalized are taken 32 at a time: others are refused", {
  skip,
}, async () => {
  const pass = {
    x: [2, 3, 3, 48],
    kernel: [1, 1, 48, 32],
    stride: 1,
    pad: 0,
  } as const satisfies Pass;
  await assert.rejects(
    runPass({ ...pass, normalize: "in the convolution", by: "vectors" }),
    /channels that are normalized must be a multiple of 32/,
  );
  await runPass({ ...pass, by: "vectors" });
});

test("what is not a number stays visible in its image's moments, and only there", {
  skip,
}, async () => {
  const { mean } = await runPass({ ...passes[0]!, far: (image) => (image === 0 ? Number.NaN : 0) });
  assert.ok(mean.slice(0, 32).every(Number.isNaN));
  assert.ok(!mean.slice(32).some(Number.isNaN));
});

/** As in a unit with a projection: both convolutions read what is normalized, the one at the end pads it first. */
const unit = (inputs: Record<string, tf.Tensor>): tf.Tensor => {
  const { x, w, gamma, beta, v, p, gamma2, beta2, u } = inputs as Record<string, tf.Tensor4D>;
  const norm = (maps: tf.Tensor4D, g: tf.Tensor, b: tf.Tensor) => {
    return groupNormRelu(maps, g as tf.Tensor1D, b as tf.Tensor1D);
  };
  const y = plainConv(x!, w!, 1);
  const activated = norm(y, gamma!, beta!);
  const shortcut = tf.conv2d(activated, p!, 2, "valid");
  const a = norm(plainConv(activated, v!, 1), gamma2!, beta2!);
  return tf.add(tf.conv2d(zeroPad(a, 1), u!, 2, "valid"), shortcut);
};

/** The norm of the difference as a share of the norm. */
function distance(got: Float32Array, wanted: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(got.map((value, i) => value - wanted[i]!)) / norm(wanted);
}

function unitInputs([n, h, w, c]: Shape, mid: number): Values {
  const shapes: Record<string, number[]> = {
    ...{ x: [n, h, w, c], w: [1, 1, c, c], v: [3, 3, c, mid], p: [1, 1, c, c], u: [3, 3, mid, c] },
    ...{ gamma: [c], beta: [c], gamma2: [mid], beta2: [mid] },
    dy: [n, Math.ceil(h / 2), Math.ceil(w / 2), c],
  };
  const made = Object.entries(shapes).map(([name, shape], i) => {
    const { data } = wave(shape, i + 1, name.startsWith("gamma") ? 1 : 0);
    // As standardized kernels are: what is made is about as large as what is read.
    const scale = shape.length === 4 && name !== "x" ? sizeOf(shape.slice(0, 3)) ** -0.5 : 1;
    return [name, { shape, data: narrowed(data.map((value) => value * scale)) }] as const;
  });
  return Object.fromEntries(made);
}

for (const shape of [
  [3, 9, 8, 64],
  [2, 32, 32, 32],
  [9, 5, 5, 128],
  // Three channels of a group; more channels than a task has; an image that does not stay in the cache.
  [5, 6, 7, 96],
  [3, 2, 2, 1024],
  [1, 74, 72, 64],
] as Shape[])
  for (const [how, together, apart] of [
    ["tiles", onPlainTiles, normalizingApart],
    ["vectors", normalizingVectors, onVectors],
    ["vectors in float32", normalizingFloat32, onFloat32],
  ] as const)
    test(`a unit of ${shape} and its gradients are those with normalization apart, by ${how}`, {
      skip,
    }, async () => {
      const fed = unitInputs(shape, 64);
      const [fused, unfused] = [await run(together, fed, unit), await run(apart, fed, unit)];
      if (together === onPlainTiles && tilesMissing === "")
        assert.deepEqual(await run(onProcessorsTiles, fed, unit), fused);
      const names = ["value", ...Object.keys(fed).filter((name) => name !== "dy")];
      assert.equal(fused.length, names.length);
      for (const [i, name] of names.entries()) {
        // Means and deviations differ in float32's last places, so that one normalized value in 2^15 or so is rounded
        // to the other neighbour in bfloat16, a 256th away; in the norm that is 2e-5, and more in gradients, where most
        // of a large image's values cancel (these are 1e-2 and more from those of float32).
        const share = distance(fused[i]!, unfused[i]!);
        assert.ok(share < 5e-4, `${name}: ${share}`);
      }
    });

test("a network's logits are those with normalization apart", { skip }, async () => {
  const logits = (target: Target) => networkLogits(target, [3, 48, 40], "standardized");
  const wide = await logits(inType(engine.target, "float32"));
  const [fused, apart] = [await logits(onPlainTiles), await logits(normalizingApart)];
  // Another rounding of a value in bfloat16 goes through all that follows: what counts is that fused logits are no
  // further from float32's than others are.
  assert.ok(distance(fused, apart) < 0.03);
  const [from, others] = [distance(fused, wide), distance(apart, wide)];
  assert.ok(from < 1.25 * others && from < 0.06, `from float32: ${from}, apart ${others}`);
});
