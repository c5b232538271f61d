/** Gradients by a kernel on plain tiles, for tests of their values and of their order of summation. */
import * as tf from "@tensorflow/tfjs";
import { inType, type Target } from "../../src/graph/target.js";
import { engine } from "../engine-for-tests.js";
import { run, type Values, wave } from "./traced-gradients.js";

type Shape = [number, number, number, number];

export interface TileCase {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly stride: 1 | 2;
  readonly pad: "same" | "valid";
}

/** Tiles of plain C++, with TensorFlow's convolutions, as on a processor with AMX, or with our own. */
export function onPlainTiles(convolutions = false): Target {
  return withTiles({ kind: "plain", why: "a test" }, convolutions);
}

/** The processor's tiles, whether it has such or not. */
export const onProcessorsTiles: Target = withTiles({ kind: "amx", why: "a test" }, false);

/** Our gradients of any processor, without tiles. */
export const withoutTiles: Target = withTiles({ kind: undefined, why: "a test" }, true);

function withTiles(tiles: ReturnType<Target["native"]["tiles"]>, convolutions: boolean): Target {
  const { native } = engine.target;
  return {
    ...inType(engine.target, "bfloat16"),
    native: { ...native, convolutions, tiles: () => tiles },
  };
}

/** The nearest bfloat16, ties to even. */
export function narrowed(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.slice().buffer);
  for (const [i, b] of bits.entries()) bits[i] = ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer);
}

/** Made-up images, kernel and gradient of the result, all of them values that bfloat16 has. */
export function madeValues({ x, kernel, stride, pad }: TileCase): Values {
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

/** The gradient by the kernel, `[KH,KW,I,O]`. */
export async function kernelGradient(
  target: Target,
  { stride, pad }: Pick<TileCase, "stride" | "pad">,
  values: Values,
): Promise<Float32Array> {
  const got = await run(target, values, ({ x, kernel }) => {
    return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, stride, pad);
  });
  return got[2]!;
}
