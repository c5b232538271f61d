/** Evaluation and prediction as graphs. */

import * as tf from "@tensorflow/tfjs";
import { attribute } from "../graph/attributes.js";
import type { Collectives } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { cast } from "../graph/ops.js";
import { trace } from "../graph/trace.js";
import type { Architecture } from "../model/architecture.js";
import { crossEntropy, passAfter } from "../model/layers.js";
import { features, head, type Parameters } from "../model/resnet.js";
import { logitsOf } from "./logits.js";
import type { TestTimeAugmentation } from "./test-time-augmentation.js";
import { topClasses } from "./top-classes.js";
import { type GraphBatch, type Network, named } from "./train-step.js";
import type { GraphVariable } from "./variables.js";

/** How a batch is evaluated. */
export interface EvalStepOptions {
  readonly tta?: TestTimeAugmentation | undefined;
  /** Where several ranks share the evaluation. */
  readonly collectives?: Collectives | undefined;
}

/**
 * Adds the evaluation of one batch. A run fetches `eval/loss`, float32 `[N]`, not finite where a logit
 * is not, and `eval/top`, int32 `[N, min(5, classes)]`: the most probable classes, best first, of
 * equal ones the lower index; and `eval/logits`, float32 `[N, classes]`, of which both are made.
 *
 * With several ranks it is that of all ranks' batches, one after the other in the order of their ranks, and a run
 * also feeds `eval/stop` and may fetch `eval/stops`, as in training.
 */
export async function addEvalStep(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  batch: GraphBatch,
  { tta, collectives }: EvalStepOptions = {},
): Promise<void> {
  const own = await trace(builder, network.target, (graph) => {
    const parameters = named(
      variables,
      variables.map(({ read }) => graph.tensor(read)),
    );
    const images = graph.tensor(batch.images);
    const labels = tf.oneHot(graph.tensor<tf.Rank.R1>(batch.labels), network.classes);
    const out = augmentedLogits(network.architecture, parameters, images, tta);
    const losses = crossEntropy(out, labels as tf.Tensor2D);
    return { logits: graph.float32(out), loss: graph.float32(losses) };
  });
  const { logits, loss } =
    collectives === undefined ? own : ofAllRanks(builder, collectives, own, network.classes);
  builder.fetchable("eval/loss", finiteOnly(builder, loss, logits));
  builder.fetchable("eval/logits", logits);
  builder.fetchable("eval/top", topClasses(builder, logits, Math.min(5, network.classes)));
}

/** What all ranks have computed; besides, whether any of them wants to stop. */
function ofAllRanks(
  builder: GraphBuilder,
  collectives: Collectives,
  { logits, loss }: { readonly logits: Output; readonly loss: Output },
  classes: number,
): { readonly logits: Output; readonly loss: Output } {
  const stop = builder.placeholder("eval/stop", "float32", []);
  const [stops] = collectives.means([{ ...stop, shape: [] }]);
  builder.fetchable("eval/stops", stops!);
  const n = loss.shape![0]!;
  return {
    logits: collectives.gathered({ ...logits, shape: [n, classes] }),
    loss: collectives.gathered({ ...loss, shape: [n] }),
  };
}

/** Logits `[N, classes]` of a batch; with `flip` their mean with those of the mirrored images. */
function augmentedLogits(
  architecture: Architecture,
  parameters: Parameters,
  images: tf.Tensor,
  tta: TestTimeAugmentation | undefined,
): tf.Tensor2D {
  const network = { architecture };
  const out = logitsOf(network, parameters, images);
  if (tta === undefined) return out;
  // One after the other, so that they need no more memory than one.
  const mirrored = tf.reverse(passAfter(images, out), 2);
  return tf.mul(tf.add(out, logitsOf(network, parameters, mirrored)), 0.5);
}

/**
 * Adds the logits of a batch: a run fetches `predict/logits`, float32 `[N, classes]`, and
 * `predict/features`, float32 `[N, C]`, of which the head makes them.
 * @param name instead of `predict`, where a graph has several
 * @returns `predict/features`
 */
export async function addPredictStep(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  images: Output,
  name = "predict",
): Promise<{ readonly features: Output }> {
  const outputs = await trace(builder, network.target, (graph) => {
    const parameters = named(
      variables,
      variables.map(({ read }) => graph.tensor(read)),
    );
    const seen = features(network.architecture, parameters, graph.tensor<tf.Rank.R4>(images));
    return { logits: graph.float32(head(parameters, seen)), features: graph.float32(seen) };
  });
  builder.fetchable(`${name}/logits`, outputs.logits);
  builder.fetchable(`${name}/features`, outputs.features);
  return outputs;
}

/**
 * Losses `[N]` as they are where all of an example's logits `[N, classes]` are finite; others divided
 * by 0. An infinite logit of a class that is not asked for leaves a loss that looks sound.
 */
function finiteOnly(builder: GraphBuilder, loss: Output, logits: Output): Output {
  const T = { T: attribute.type("float32") };
  const rows = loss.shape!;
  const finite = builder.one("IsFinite", [logits], T, { type: "bool", shape: logits.shape! });
  const all = builder.one(
    "All",
    [finite, builder.ints([1])],
    { keep_dims: attribute.bool(false), Tidx: attribute.type("int32") },
    { type: "bool", shape: rows },
  );
  return builder.one("RealDiv", [loss, cast(builder, all, "float32")], T, {
    type: "float32",
    shape: rows,
  });
}
