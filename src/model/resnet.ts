/**
 * BiT's network: a pre-activation ResNet (v2) with group normalization and weight standardization,
 * as a pure function of layers and images. Over the layers of TF.js it runs at once under an ordinary
 * backend and writes itself down under the graph backend; other layers describe it for other tools.
 * Source: arXiv 1912.11370; bit_pytorch/models.py and bit_tf2/models.py in google-research/big_transfer.
 */
import * as tf from "@tensorflow/tfjs";
import {
  type Architecture,
  headBias,
  headKernel,
  kernelName,
  type UnitSpec,
  unitSpecs,
} from "./architecture.js";
import {
  groupNormRelu,
  plainConv,
  rematerialized,
  spatialMean,
  standardizedConv,
  zeroPad,
} from "./layers.js";

/**
 * What the network is made of, over values of some kind. `path` is what variables' names begin with.
 * @typeParam Maps `[N,H,W,C]`
 * @typeParam Vectors `[N,C]`
 */
export interface Layers<Maps, Vectors> {
  /** Padded with half the kernel's size of zeros on every side. */
  readonly standardizedConv: (x: Maps, path: string, stride: 1 | 2) => Maps;
  readonly groupNormRelu: (x: Maps, path: string) => Maps;
  /** Rows and columns of zeros on every side. */
  readonly zeroPad: (x: Maps, pad: number) => Maps;
  /** Without padding. */
  readonly maxPool: (x: Maps, size: number, stride: number) => Maps;
  readonly add: (a: Maps, b: Maps) => Maps;
  readonly spatialMean: (x: Maps) => Vectors;
  readonly dense: (x: Vectors) => Vectors;
}

/** Those below the head. */
type MapLayers<Maps> = Omit<Layers<Maps, unknown>, "spatialMean" | "dense">;

/** `[N,H,W,3]` to `[N,H/4,W/4,64 width]`. */
function root<Maps>(layers: MapLayers<Maps>, images: Maps): Maps {
  const x = layers.standardizedConv(images, "resnet/root_block", 2);
  // Zeros, not the pool's own padding: they take part in the maximum.
  return layers.maxPool(layers.zeroPad(x, 1), 3, 2);
}

/** A bottleneck; its stride is on the 3x3 convolution, its projection sees the activated input. */
function unit<Maps>(layers: MapLayers<Maps>, { path, stride, projected }: UnitSpec, x: Maps): Maps {
  const { standardizedConv: conv, groupNormRelu: normRelu } = layers;
  const activated = normRelu(x, `${path}/a`);
  const shortcut = projected ? conv(activated, `${path}/a/proj`, stride) : x;
  const a = conv(activated, `${path}/a`, 1);
  const b = conv(normRelu(a, `${path}/b`), `${path}/b`, stride);
  const c = conv(normRelu(b, `${path}/c`), `${path}/c`, 1);
  return layers.add(c, shortcut);
}

/** The last map: what `images` become before the mean over height and width, `[N,h,w,C]`. */
function lastMapOver<Maps>(
  architecture: Architecture,
  layers: MapLayers<Maps>,
  images: Maps,
  compute: (spec: UnitSpec, x: Maps) => Maps = (spec, x) => unit(layers, spec, x),
): Maps {
  let x = root(layers, images);
  for (const spec of unitSpecs(architecture)) x = compute(spec, x);
  return layers.groupNormRelu(x, "resnet");
}

/**
 * The network below its head, over any layers: what `images` become, `[N, C]`.
 * @param compute one unit; by default its layers one after the other
 */
export function featuresOver<Maps, Vectors>(
  architecture: Architecture,
  layers: Layers<Maps, Vectors>,
  images: Maps,
  compute?: (spec: UnitSpec, x: Maps) => Maps,
): Vectors {
  return layers.spatialMean(lastMapOver(architecture, layers, images, compute));
}

/**
 * A model's variables by their names in the official archives. A kernel that is standardized already has
 * another name: `standardizedName`.
 */
export type Parameters = Readonly<Record<string, tf.Tensor>>;

/** Convolutions' kernels as archives have them, or standardized already. */
export type KernelForm = "raw" | "standardized";

/** The name of a parameter that is a kernel, of such a name, standardized already. */
export function standardizedName(kernel: string): string {
  return `${kernel}/standardized`;
}

/** The layers of TF.js. */
function tensorLayers(parameters: Parameters): Layers<tf.Tensor4D, tf.Tensor2D> {
  const variable = <T extends tf.Tensor>(name: string): T => {
    const value = parameters[name];
    if (value === undefined) throw new Error(`the parameters lack ${name}`);
    return value as T;
  };
  return {
    standardizedConv: (x, path, stride) => {
      const kernel = kernelName(path);
      const standardized = standardizedName(kernel);
      return standardized in parameters
        ? plainConv(x, variable(standardized), stride)
        : standardizedConv(x, variable(kernel), stride);
    },
    groupNormRelu: (x, path) =>
      groupNormRelu(x, variable(`${path}/group_norm/gamma`), variable(`${path}/group_norm/beta`)),
    zeroPad,
    maxPool: (x, size, stride) => tf.maxPool(x, size, stride, "valid"),
    add: (a, b) => tf.add(a, b),
    spatialMean,
    dense: (x) => {
      const kernel = variable<tf.Tensor4D>(headKernel); // [1,1,C,K]
      const [, , channels, classes] = kernel.shape;
      const logits = tf.matMul(x, kernel.reshape([channels, classes]) as tf.Tensor2D);
      return tf.add(logits, variable<tf.Tensor1D>(headBias));
    },
  };
}

/** A unit of which the gradient computes the inside again. */
function rematerializedUnit(parameters: Parameters, spec: UnitSpec, x: tf.Tensor4D): tf.Tensor4D {
  const own = Object.entries(parameters).filter(([name]) => name.startsWith(`${spec.path}/`));
  const values = own.map(([, value]) => value);
  return rematerialized(x, values, (x0, inside) => {
    const layers = tensorLayers(Object.fromEntries(own.map(([name], i) => [name, inside[i]!])));
    return unit(layers, spec, x0);
  }) as tf.Tensor4D;
}

/** How the network is computed; the logits are the same. */
export interface ForwardOptions {
  /** Compute each unit's inside again for the gradient, instead of keeping it. */
  readonly remat?: boolean | undefined;
}

/**
 * Features `[N, C]` of `images` `[N,H,W,3]`, values in [-1, 1], of any height and width from 1: what the
 * head sees, the mean over height and width of the last block, normalized, after its ReLU. C is 2048
 * times the width.
 * @throws Error where a variable is missing
 */
export function features(
  architecture: Architecture,
  parameters: Parameters,
  images: tf.Tensor4D,
  { remat = false }: ForwardOptions = {},
): tf.Tensor2D {
  const layers = tensorLayers(parameters);
  if (!remat) return featuresOver(architecture, layers, images);
  return featuresOver(architecture, layers, images, (spec, x) => {
    return rematerializedUnit(parameters, spec, x);
  });
}

/**
 * The map of which `features` is the mean: `[N,h,w,C]`, of images `[N,H,W,3]`, with h and w a 32nd of
 * theirs, rounded up.
 * @throws Error where a variable is missing
 */
export function lastMap(
  architecture: Architecture,
  parameters: Parameters,
  images: tf.Tensor4D,
): tf.Tensor4D {
  return lastMapOver(architecture, tensorLayers(parameters), images);
}

/** Logits `[N, classes]` of `features` `[N, C]`. */
export function head(parameters: Parameters, features: tf.Tensor2D): tf.Tensor2D {
  return tensorLayers(parameters).dense(features);
}

/**
 * Logits `[N, classes]` of `images` `[N,H,W,3]`, values in [-1, 1], of any height and width from 1.
 * @throws Error where a variable is missing
 */
export function forward(
  architecture: Architecture,
  parameters: Parameters,
  images: tf.Tensor4D,
  options?: ForwardOptions,
): tf.Tensor2D {
  return head(parameters, features(architecture, parameters, images, options));
}
