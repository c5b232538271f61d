/**
 * The training step as one graph: forward pass, loss, gradients and momentum update.
 * Source: bit_pytorch/train.py and bit_hyperrule.py in google-research/big_transfer.
 */
import * as tf from "@tensorflow/tfjs";
import type { Collectives, WireType } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import type { Target } from "../graph/target.js";
import { trace } from "../graph/trace.js";
import type { Architecture } from "../model/architecture.js";
import {
  type ForwardOptions,
  type KernelForm,
  type Parameters,
  standardizedName,
} from "../model/resnet.js";
import { logitsOf } from "./logits.js";
import { addLossScale } from "./loss-scale.js";
import { batchLoss, type LossOptions, weightedLabels } from "./training-loss.js";
import {
  addAccumulation,
  addMomentumUpdate,
  meanOfRanks,
  type StatefulTransform,
  transformed,
  type Update,
} from "./update.js";
import type { GraphVariable } from "./variables.js";

/** What is learnt: the network, its number of classes, and how it computes. */
export interface Network extends ForwardOptions {
  readonly architecture: Architecture;
  readonly classes: number;
  /** Standardized ones are for programs whose weights do not change. Default: raw. */
  readonly kernels?: KernelForm | undefined;
  /** What it is computed by, and in which type. */
  readonly target: Target;
}

/** A batch inside the graph: fed, or drawn from a dataset's iterator. */
export interface GraphBatch {
  /** float32 `[N,H,W,3]` in [-1, 1]; or `[N,C]`, what the head is given of them. */
  readonly images: Output;
  /** int32 `[N]`, each in `[0, classes)`. */
  readonly labels: Output;
}

/** Mixes every example with a partner: `lambda` of itself, the rest of the partner. */
export interface GraphMixup {
  /** float32 scalar in [0, 1]. */
  readonly lambda: Output;
  /** int32 `[N]`, a permutation of the batch. */
  readonly partners: Output;
}

const momentum = 0.9;

/** What the loss of a batch is made of besides its images and labels. */
export interface GradientOptions extends LossOptions {
  readonly mixup?: GraphMixup | undefined;
  /** float32 scalar by which the loss is multiplied while it is differentiated. */
  readonly lossScale?: Output | undefined;
}

/**
 * Loss of a batch and its gradient by every variable, as outputs of the graph.
 * @param variables those that are trained: all of the network's, or the head's for a batch of features
 */
export async function traceGradients(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  batch: GraphBatch,
  { mixup, lossScale, ...lossOptions }: GradientOptions = {},
): Promise<{ loss: Output; gradients: Output[] }> {
  if (variables.some(({ standardized }) => standardized === true))
    throw new Error("what is learnt are raw kernels: standardized ones are for evaluation");
  return trace(builder, network.target, (graph) => {
    const scale = lossScale && graph.tensor<tf.Rank.R0>(lossScale);
    let images: tf.Tensor = graph.tensor(batch.images);
    const classes = graph.tensor<tf.Rank.R1>(batch.labels);
    let labels = weightedLabels(graph, classes, network.classes, lossOptions);
    if (mixup !== undefined) {
      const lambda = graph.tensor<tf.Rank.R0>(mixup.lambda);
      const partners = graph.tensor<tf.Rank.R1>(mixup.partners);
      const mix = <T extends tf.Tensor>(x: T): T => {
        return tf.add(x.mul(lambda), tf.gather(x, partners).mul(tf.sub(1, lambda)));
      };
      images = mix(images);
      labels = mix(labels);
    }
    const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const parameters = named(variables, values);
      const logits = logitsOf(network, parameters, images);
      const loss = batchLoss(logits, labels, lossOptions);
      return scale === undefined ? loss : loss.mul<tf.Scalar>(scale);
    })(variables.map((variable) => graph.tensor(variable.read)));
    const unscaled = (x: tf.Tensor) => graph.float32(scale === undefined ? x : x.div(scale));
    return { loss: unscaled(value), gradients: grads.map(unscaled) };
  });
}

/** Variables' values under their names, as the model wants them. */
export function named(
  variables: readonly GraphVariable[],
  values: readonly tf.Tensor[],
): Parameters {
  return Object.fromEntries(
    variables.map(({ name, standardized }, i) => [
      standardized === true ? standardizedName(name) : name,
      values[i]!,
    ]),
  );
}

export interface TrainStepOptions extends LossOptions {
  readonly mixup: boolean;
  /** Number of parts of a batch; `accumulate` and `finish` exist where it is over 1. */
  readonly split: number;
  /** Where several ranks train together: what their gradients are sent as. Default: float32. */
  readonly wire?: WireType | undefined;
}

/**
 * Adds the training step to a graph. A run feeds `train/learning_rate`, and with mixup
 * `train/mixup_lambda` and `train/mixup_partners`. It fetches one of
 * - `train/step`: the loss of the batch, after the variables were updated by its gradient;
 * - `train/accumulate`: the loss of a part of a batch whose gradient was set aside;
 * - `train/finish`: the loss of the last part, after an update by the mean over all parts.
 * Before the first step, `train/initialize` is to be fetched once: momentum becomes zero.
 *
 * With several ranks, gradients and losses are means over all of them, and a run also feeds `train/stop`: 0, or
 * 1 where this rank wants to stop. It may fetch `train/stops`: over 0 where any rank does.
 *
 * The update is v = 0.9 v + g, w = w - lr v, as in PyTorch's SGD. In float16 it is left out where a
 * gradient is not finite.
 *
 * @param options.split of this rank's share, where several ranks share a batch by `options.collectives`
 * @returns what the optimizer remembers from step to step: momentum, and in float16 the loss's factor
 */
export async function addTrainStep(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  batch: GraphBatch,
  {
    mixup: mixes,
    split,
    wire,
    collectives,
    ...lossOptions
  }: TrainStepOptions & { readonly collectives?: Collectives | undefined },
): Promise<GraphVariable[]> {
  const learningRate = builder.placeholder("train/learning_rate", "float32", []);
  const n = batch.labels.shape!;
  const mixup = mixes
    ? {
        lambda: builder.placeholder("train/mixup_lambda", "float32", []),
        partners: builder.placeholder("train/mixup_partners", "int32", n),
      }
    : undefined;
  const scale = network.target.computeType === "float16" ? addLossScale(builder) : undefined;
  const { loss: own, gradients } = await traceGradients(builder, network, variables, batch, {
    ...{ mixup, lossScale: scale?.value },
    ...lossOptions,
  });
  const loss = collectives === undefined ? own : meanLoss(builder, collectives, own);
  const optimizer = addMomentumUpdate(builder, variables);
  const start: Update = {
    ...{ gradients, learningRate, updates: [], besides: [] },
    momentum: builder.constant("float32", [], [momentum]),
  };
  const update = [
    ...(collectives === undefined ? [] : [meanOfRanks(collectives, variables, wire)]),
    ...(scale === undefined ? [] : [scale.guard]),
    optimizer.apply,
  ];
  const states: StatefulTransform[] = [optimizer, ...(scale === undefined ? [] : [scale])];
  if (split === 1) {
    builder.fetchable("train/step", loss, transformed(start, update));
  } else {
    const parts = addAccumulation(builder, variables, gradients, split);
    builder.fetchable("train/accumulate", loss, parts.added);
    const whole = [parts.total, ...update, parts.clear];
    builder.fetchable("train/finish", loss, transformed(start, whole));
    // What is summed up is nothing between steps: no checkpoint holds it.
    states.push({ state: [], initialized: parts.initialized });
  }
  const initialized = states.flatMap((each) => each.initialized);
  builder.fetchable("train/initialize", builder.ints(0), initialized);
  return states.flatMap(({ state }) => state);
}

/** The mean of all ranks' losses; besides, whether any of them wants to stop. */
function meanLoss(builder: GraphBuilder, collectives: Collectives, loss: Output): Output {
  const stop = builder.placeholder("train/stop", "float32", []);
  const scalars = [loss, stop].map((value) => ({ ...value, shape: [] }));
  const [mean, stops] = collectives.means(scalars);
  builder.fetchable("train/stops", stops!);
  return mean!;
}
