/**
 * BiT as one would write it from the paper with TF.js's operations and nothing else: the baseline
 * that the traced graph is measured against. It computes the same function as src/model/resnet.ts.
 *
 * Group normalization and weight standardization are `tf.moments` and arithmetic, ReLU is `tf.relu`,
 * and every gradient is TF.js's own. Only convolutions of stride 2 are roundabout: TF.js has no
 * native gradient for a convolution padded by a number, so zeros are put around the image first.
 */
import * as tf from "@tensorflow/tfjs";
import {
  type Architecture,
  headBias,
  headKernel,
  type UnitSpec,
  unitSpecs,
} from "../model/architecture.js";
import type { Parameters } from "../model/resnet.js";

const groups = 32;

/** `[H,W,I,O]`, each filter shifted and scaled to mean 0 and variance 1. */
function standardize(kernel: tf.Tensor): tf.Tensor4D {
  const { mean, variance } = tf.moments(kernel, [0, 1, 2], true);
  return tf.div(tf.sub(kernel, mean), tf.sqrt(tf.add(variance, 1e-10)));
}

function conv(parameters: Parameters, path: string, x: tf.Tensor4D, stride: 1 | 2 = 1) {
  const kernel = parameters[`${path}/standardized_conv2d/kernel`]!;
  const pad = (kernel.shape[0]! - 1) / 2;
  const standardized = standardize(kernel);
  if (stride === 1) return tf.conv2d(x, standardized, 1, "same");
  return tf.conv2d(zeroPad(x, pad), standardized, stride, "valid");
}

function zeroPad(x: tf.Tensor4D, by: number): tf.Tensor4D {
  if (by === 0) return x;
  return tf.pad(x, [
    [0, 0],
    [by, by],
    [by, by],
    [0, 0],
  ]);
}

function groupNorm(parameters: Parameters, path: string, x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const grouped = tf.reshape(x, [n, h, w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 2, 4], true);
  const normalized = tf.div(tf.sub(grouped, mean), tf.sqrt(tf.add(variance, 1e-5)));
  const gamma = parameters[`${path}/group_norm/gamma`]!;
  const beta = parameters[`${path}/group_norm/beta`]!;
  return tf.add(tf.mul(tf.reshape(normalized, x.shape), gamma), beta);
}

function normRelu(parameters: Parameters, path: string, x: tf.Tensor4D): tf.Tensor4D {
  return tf.relu(groupNorm(parameters, path, x));
}

function unit(parameters: Parameters, { path, stride, projected }: UnitSpec, x: tf.Tensor4D) {
  const activated = normRelu(parameters, `${path}/a`, x);
  const shortcut = projected ? conv(parameters, `${path}/a/proj`, activated, stride) : x;
  const a = conv(parameters, `${path}/a`, activated);
  const b = conv(parameters, `${path}/b`, normRelu(parameters, `${path}/b`, a), stride);
  const c = conv(parameters, `${path}/c`, normRelu(parameters, `${path}/c`, b));
  return tf.add(c, shortcut) as tf.Tensor4D;
}

/** Logits `[N, classes]` of `images` `[N,H,W,3]`, values in [-1, 1]. */
export function textbookForward(
  architecture: Architecture,
  parameters: Parameters,
  images: tf.Tensor4D,
): tf.Tensor2D {
  let x = conv(parameters, "resnet/root_block", images, 2);
  x = tf.maxPool(zeroPad(x, 1), 3, 2, "valid");
  for (const spec of unitSpecs(architecture)) x = unit(parameters, spec, x);
  const features = tf.mean(normRelu(parameters, "resnet", x), [1, 2]) as tf.Tensor2D;
  const kernel = parameters[headKernel]!;
  const [, , channels, classes] = kernel.shape as [number, number, number, number];
  const logits = tf.matMul(features, tf.reshape(kernel, [channels, classes]) as tf.Tensor2D);
  return tf.add(logits, parameters[headBias]!);
}
