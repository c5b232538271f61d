/** Convolutions on tiles and on vectors, for tests of their values and of their order of summation. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { loadKernels } from "../../src/engine/native-kernels.js";
import { inType, plainTarget, type Target } from "../../src/graph/target.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import { run, type Values, wave } from "./traced-gradients.js";

export type Shape = [number, number, number, number];

/** Why this processor's own tiles are not tried here; empty where they are. */
export const tilesMissing: string =
  loadKernels(engine.installed)?.tilesMissing() ?? "no operations of ours";

export interface ConvolutionCase {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly stride: 1 | 2 | 3;
  readonly pad: "same" | "valid";
}

/** Tiles of plain C++; what does not fit them is TensorFlow's, as on a processor with AMX. */
export const onPlainTiles: Target = withTiles({ kind: "plain", why: "a test" }, false);

/** The processor's tiles, whether it has such or not. */
export const onProcessorsTiles: Target = withTiles({ kind: "amx", why: "a test" }, false);

/** Plain tiles, with group normalization as an operation of its own. */
export const normalizingApart: Target = withTiles(
  { kind: "plain", why: "a test", normalization: "apart" },
  false,
);

/** Our convolutions by the processor's vectors, also where TensorFlow's are faster, without group normalization. */
export const onVectors: Target = withTiles(
  { kind: undefined, why: "a test", normalization: "apart" },
  true,
);

/** The same, with group normalization as part of them. */
export const normalizingVectors: Target = withTiles({ kind: undefined, why: "a test" }, true);

function withTiles(tiles: ReturnType<Target["native"]["tiles"]>, convolutions: boolean): Target {
  const { native } = engine.target;
  return {
    ...inType(engine.target, "bfloat16"),
    native: { ...native, convolutions, float32: plainTarget.native.float32, tiles: () => tiles },
  };
}

/** Convolutions of float32 by vectors, and gradients of its kernels, also where TensorFlow's are faster. */
export const onFloat32: Target = {
  ...engine.target,
  native: {
    ...engine.target.native,
    float32: {
      ...{ convolutions: true, winograd: false, fusesNormalization: false },
      why: "a test",
    },
  },
};

/** The same, with group normalization as part of them. */
export const normalizingFloat32: Target = {
  ...onFloat32,
  native: {
    ...onFloat32.native,
    float32: { ...onFloat32.native.float32, fusesNormalization: true },
  },
};

/** Made-up images, kernel and gradient of the result, all of them values that bfloat16 has. */
export function madeValues({ x, kernel, stride, pad }: ConvolutionCase): Values {
  const { outShape } = tf.backend_util.computeConv2DInfo(x, kernel, stride, 1, pad);
  const shapes: [string, number[]][] = [
    ["x", x],
    ["kernel", kernel],
    ["dy", outShape],
  ];
  return Object.fromEntries(
    shapes.map(([name, shape], i) => {
      return [name, { shape, data: narrowed(wave(shape, 1 + i).data) }];
    }),
  );
}

/** The convolution `[N,H,W,O]`, its gradients by the images `[N,H,W,I]` and by the kernel `[KH,KW,I,O]`. */
export async function convolved(
  target: Target,
  { stride, pad }: Pick<ConvolutionCase, "stride" | "pad">,
  values: Values,
): Promise<[Float32Array, Float32Array, Float32Array]> {
  const [y, dx, dw] = await run(target, values, ({ x, kernel }) => {
    return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, stride, pad);
  });
  return [y!, dx!, dw!];
}

/** Within half a place of bfloat16 of the right values, and a little for the float32 sums. */
export function assertRounded(got: Float32Array, wanted: Float32Array | Float64Array): void {
  assert.equal(got.length, wanted.length);
  let largest = 0;
  for (const value of wanted) largest = Math.max(largest, Math.abs(value));
  const slack = 1e-5 * largest;
  for (const [i, value] of wanted.entries())
    if (!(Math.abs(got[i]! - value) <= 2 ** -8 * Math.abs(value) + slack))
      assert.fail(`${i}: ${got[i]}, ${value}`);
}
