/** What a network is trained towards: labels, how much each example counts, and the loss of a batch. */
import * as tf from "@tensorflow/tfjs";
import type { GraphBackend } from "../graph/backend.js";
import { crossEntropy } from "../model/layers.js";

/** What the loss of a training step has besides cross-entropy; an evaluation's has none of it. */
export interface LossOptions {
  /** The share of each label that is spread evenly over all classes, in [0, 1). Default: 0. */
  readonly labelSmoothing?: number | undefined;
  /** A factor for the examples of each class, `[classes]`, above 0 where there are any. */
  readonly classWeights?: Float64Array | undefined;
}

/**
 * Labels `[N,classes]`, rows that sum to each example's weight: its class's, or 1 where classes have none.
 * Smoothed, an example's own class has 1 - e + e/K of it, each of the others e/K. Mixup may mix
 * these rows. Each by itself is what PyTorch's `CrossEntropyLoss` does. With both, its `weight` multiplies
 * each class's part of a smoothed label by that class's, which draws the examples of common classes to rare
 * ones (findings/torch-weight-of-smoothed-labels.sh); here a weight is an example's.
 * Source of the smoothing: Szegedy et al., "Rethinking the Inception Architecture", section 7.
 * @param classes int32 `[N]`, each in `[0, count)`
 * @param count number of classes
 */
export function weightedLabels(
  graph: GraphBackend,
  classes: tf.Tensor1D,
  count: number,
  { labelSmoothing = 0, classWeights }: LossOptions,
): tf.Tensor2D {
  const spread = labelSmoothing / count;
  const labels = tf.oneHot(classes, count, 1 - labelSmoothing + spread, spread) as tf.Tensor2D;
  if (classWeights === undefined) return labels;
  // TF.js's own constants end at some thousands of values.
  const table = graph.builder.constant("float32", [count], [...classWeights]);
  const weights = tf.gather(graph.tensor<tf.Rank.R1>(table), classes);
  return labels.mul(weights.reshape([classes.size, 1]));
}

/**
 * The loss of a batch: the sum over its examples, by their number. It is not divided by the sum of their
 * weights, as PyTorch's mean is: that sum differs between the parts of a batch and between devices, and
 * the loss would depend on how a batch is divided.
 * @param labels as `weightedLabels` gives them, or mixtures of such rows
 */
export function batchLoss(
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
  { classWeights }: LossOptions,
): tf.Scalar {
  if (classWeights === undefined) return crossEntropy(logits, labels).mean();
  const weights = labels.sum(1, true); // [N,1]
  const losses = crossEntropy(logits, labels.div(weights));
  return losses.mul(weights.reshape([losses.size])).mean();
}
