/**
 * BiT's network: a pre-activation ResNet (v2) with group normalization and weight standardization,
 * as a pure function of parameters and images. It runs at once under an ordinary TF.js backend and
 * writes itself down under the graph backend.
 * Source: arXiv 1912.11370; bit_pytorch/models.py and bit_tf2/models.py in google-research/big_transfer.
 */
import * as tf from "@tensorflow/tfjs";
import {
  type Architecture,
  headBias,
  headKernel,
  type UnitSpec,
  unitSpecs,
} from "./architecture.js";
import { groupNormRelu, rematerialized, spatialMean, standardizedConv, zeroPad } from "./layers.js";

/** A model's variables by their names in the official archives. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;

function variable<T extends tf.Tensor>(parameters: Parameters, name: string): T {
  const value = parameters[name];
  if (value === undefined) throw new Error(`the parameters lack ${name}`);
  return value as T;
}

function normRelu(parameters: Parameters, path: string, x: tf.Tensor4D): tf.Tensor4D {
  const gamma = variable<tf.Tensor1D>(parameters, `${path}/group_norm/gamma`);
  const beta = variable<tf.Tensor1D>(parameters, `${path}/group_norm/beta`);
  return groupNormRelu(x, gamma, beta);
}

function conv(
  parameters: Parameters,
  path: string,
  x: tf.Tensor4D,
  stride: 1 | 2 = 1,
): tf.Tensor4D {
  const name = `${path}/standardized_conv2d/kernel`;
  return standardizedConv(x, variable(parameters, name), stride);
}

/** `[N,H,W,3]` to `[N,H/4,W/4,64 width]`. */
function root(parameters: Parameters, images: tf.Tensor4D): tf.Tensor4D {
  const x = conv(parameters, "resnet/root_block", images, 2);
  // Zeros, not the pool's own padding: they take part in the maximum.
  return tf.maxPool(zeroPad(x, 1), 3, 2, "valid");
}

/** A bottleneck; its stride is on the 3x3 convolution, its projection sees the activated input. */
function unit(
  parameters: Parameters,
  { path, stride, projected }: UnitSpec,
  x: tf.Tensor4D,
): tf.Tensor4D {
  const activated = normRelu(parameters, `${path}/a`, x);
  const shortcut = projected ? conv(parameters, `${path}/a/proj`, activated, stride) : x;
  const a = conv(parameters, `${path}/a`, activated);
  const b = conv(parameters, `${path}/b`, normRelu(parameters, `${path}/b`, a), stride);
  const c = conv(parameters, `${path}/c`, normRelu(parameters, `${path}/c`, b));
  return tf.add(c, shortcut);
}

/** A unit of which the gradient computes the inside again. */
function rematerializedUnit(parameters: Parameters, spec: UnitSpec, x: tf.Tensor4D): tf.Tensor4D {
  const names = Object.keys(parameters).filter((name) => name.startsWith(`${spec.path}/`));
  const values = names.map((name) => variable(parameters, name));
  return rematerialized(x, values, (x0, inside) => {
    return unit(Object.fromEntries(names.map((name, i) => [name, inside[i]!])), spec, x0);
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
  const compute = remat ? rematerializedUnit : unit;
  let x = root(parameters, images);
  for (const spec of unitSpecs(architecture)) x = compute(parameters, spec, x);
  return spatialMean(normRelu(parameters, "resnet", x)); // [N,C]
}

/** Logits `[N, classes]` of `features` `[N, C]`. */
export function head(parameters: Parameters, features: tf.Tensor2D): tf.Tensor2D {
  const kernel = variable<tf.Tensor4D>(parameters, headKernel); // [1,1,C,K]
  const [, , channels, classes] = kernel.shape;
  const logits = tf.matMul(features, kernel.reshape([channels, classes]) as tf.Tensor2D);
  return tf.add(logits, variable<tf.Tensor1D>(parameters, headBias));
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
