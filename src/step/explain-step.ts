/**
 * Which places of an image speak for a class, as a graph: Grad-CAM on the last map, the one whose mean the
 * head is given. The gradient is that of the traced network by TF.js's own differentiation.
 * Source: Selvaraju et al., "Grad-CAM", ICCV 2017, arXiv 1610.02391, equations 1 and 2.
 */
import * as tf from "@tensorflow/tfjs";
import type { GraphBackend } from "../graph/backend.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { reshape } from "../graph/ops.js";
import { trace } from "../graph/trace.js";
import { spatialMean } from "../model/layers.js";
import { head, lastMap, type Parameters } from "../model/resnet.js";
import { topClasses } from "./top-classes.js";
import { type Network, named } from "./train-step.js";
import type { GraphVariable } from "./variables.js";

/**
 * The class of each image that is explained: its most probable one, one and the same of all images, or
 * several that a run feeds.
 */
export type Explained =
  | { readonly kind: "top" }
  | { readonly kind: "class"; readonly label: number }
  | { readonly kind: "fed"; readonly count: number };

/**
 * As `addPredictStep`, with what explains the logits: a run also fetches `NAME/map_0` and so on, float32
 * `[N,h,w]`, not negative: Grad-CAM of one class each. Where the classes are fed, they are
 * `NAME/explained_0` and so on, int32 `[N]`. `NAME/images`, float32 `[N,H,W,3]` in [-1, 1], is what the network saw.
 */
export async function addExplainStep(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  images: Output,
  { name, explained }: { readonly name: string; readonly explained: Explained },
): Promise<void> {
  const [batch] = images.shape!;
  const fed = Array.from({ length: explained.kind === "fed" ? explained.count : 0 }, (_, i) => {
    return builder.placeholder(`${name}/explained_${i}`, "int32", [batch!]);
  });
  const outputs = await trace(builder, network.target, (graph) => {
    const parameters = named(
      variables,
      variables.map(({ read }) => graph.tensor(read)),
    );
    const shown = graph.tensor<tf.Rank.R4>(images);
    const map = lastMap(network.architecture, parameters, shown);
    const seen = spatialMean(map);
    const logits = graph.float32(head(parameters, seen));
    const classesOf = (): tf.Tensor1D[] => {
      if (explained.kind === "class") return [tf.fill([batch!], explained.label, "int32")];
      if (explained.kind === "fed") return fed.map((one) => graph.tensor<tf.Rank.R1>(one));
      const top = reshape(builder, topClasses(builder, logits, 1), [batch!]);
      return [graph.tensor<tf.Rank.R1>(top)];
    };
    const wide = graph.tensor<tf.Rank.R4>(graph.float32(map));
    const maps = classesOf().map((classes) => {
      const chosen = tf.oneHot(classes, network.classes) as tf.Tensor2D;
      return graph.float32(gradCam(graph, parameters, { map, wide }, chosen));
    });
    return { logits, features: graph.float32(seen), images: graph.float32(shown), maps };
  });
  builder.fetchable(`${name}/logits`, outputs.logits);
  builder.fetchable(`${name}/features`, outputs.features);
  builder.fetchable(`${name}/images`, outputs.images);
  for (const [i, map] of outputs.maps.entries()) builder.fetchable(`${name}/map_${i}`, map);
}

/**
 * Grad-CAM `[N,h,w]`: the map's channels, each weighed by the mean over all places of the gradient of
 * the chosen logit; what is negative is 0.
 * @param map as the network computes it, and `wide` the same in float32, `[N,h,w,C]`
 * @param chosen one-hot `[N, classes]`
 */
function gradCam(
  graph: GraphBackend,
  parameters: Parameters,
  { map, wide }: { readonly map: tf.Tensor4D; readonly wide: tf.Tensor4D },
  chosen: tf.Tensor2D,
): tf.Tensor3D {
  const [, height, width] = map.shape;
  const places = height * width;
  // Times the places, by which the mean divides: the smallest gradients are not float16's.
  const score = (x: tf.Tensor) => {
    return head(parameters, spatialMean(x as tf.Tensor4D))
      .mul(chosen)
      .sum()
      .mul(places);
  };
  const gradient = graph.tensor<tf.Rank.R4>(graph.float32(tf.grad(score)(map)));
  const weights = gradient.mean([1, 2], true).mul(1 / places);
  return wide.mul(weights).sum(3).relu();
}
