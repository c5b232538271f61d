/** A network in a session that gives logits and features of the images that are fed to it. */
import { floats, type HostTensor, type Session } from "../engine/session.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { normalized } from "../input/pipeline.js";
import { variableSpecs } from "../model/architecture.js";
import { addPredictStep } from "./eval-step.js";
import type { OpenSession, Program } from "./program.js";
import type { Network } from "./train-step.js";
import { declareVariables } from "./variables.js";

/** What images a session takes: bytes of 0 to 255, or float32 in [-1, 1], of one size. */
export interface ImageFormat {
  readonly type: "uint8" | "float32";
  readonly height: number;
  readonly width: number;
}

/**
 * Opens a session that takes batches of several sizes; its variables are there once for all of them.
 * @param batches images at a time
 */
export async function openClassifier(
  open: OpenSession,
  network: Network,
  { type, height, width }: ImageFormat,
  batches: readonly number[],
): Promise<Program> {
  const builder = new GraphBuilder();
  const { architecture, classes, target } = network;
  const variables = declareVariables(builder, variableSpecs(architecture, classes), target);
  for (const batch of batches) {
    const fed = builder.placeholder(`images_${batch}`, type, [batch, height, width, 3]);
    const images = type === "uint8" ? normalized(builder, fed, target) : fed;
    await addPredictStep(builder, network, variables, images, `predict_${batch}`);
  }
  return { session: open(builder.build()), network, variables };
}

/** What a network makes of a batch. */
export interface Classified {
  /** `[batch, classes]` */
  readonly logits: Float32Array;
  /** `[batch, C]`; undefined where they were not asked for. */
  readonly features: Float32Array | undefined;
}

/**
 * Runs a session of `openClassifier` on one batch, of a size that it was opened for.
 * @param images uint8 or float32 `[batch,H,W,3]`
 */
export async function classify(
  session: Session,
  images: Extract<HostTensor, { type: "uint8" | "bool" | "float32" }>,
  { withFeatures }: { readonly withFeatures: boolean },
): Promise<Classified> {
  const [batch] = images.shape;
  const name = `predict_${batch}`;
  const fetches = withFeatures ? [`${name}/logits`, `${name}/features`] : [`${name}/logits`];
  const [logits, features] = await session.run({ [`images_${batch}`]: images }, fetches);
  return { logits: floats(logits), features: features && floats(features) };
}
