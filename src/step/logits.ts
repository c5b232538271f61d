/** The network as steps compute it: of images, or of what the body made of them beforehand. */
import type * as tf from "@tensorflow/tfjs";
import type { Architecture } from "../model/architecture.js";
import { type ForwardOptions, forward, head, type Parameters } from "../model/resnet.js";

/**
 * Logits `[N, classes]` of images `[N,H,W,3]`, values in [-1, 1], or of features `[N,C]`, which go to the head
 * alone: of a network whose body is frozen.
 * @param parameters of features, the head's suffice
 */
export function logitsOf(
  network: ForwardOptions & { readonly architecture: Architecture },
  parameters: Parameters,
  input: tf.Tensor,
): tf.Tensor2D {
  if (input.rank === 2) return head(parameters, input as tf.Tensor2D);
  return forward(network.architecture, parameters, input as tf.Tensor4D, network);
}
