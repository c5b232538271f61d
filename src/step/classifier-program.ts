/** A network in a session that gives logits and features of the images that are fed to it. */
import { floats, type HostTensor, type Session } from "../engine/session.js";
import type { Explained } from "./explain-step.js";
import { classifierGraph, type ImageFormat } from "./graphs.js";
import { type OpenSession, openProgram, type Program } from "./program.js";
import type { Network } from "./train-step.js";

/**
 * Opens a session that takes batches of several sizes; its variables are there once for all of them.
 * @param batches images at a time
 */
export async function openClassifier(
  open: OpenSession,
  network: Network,
  format: ImageFormat,
  batches: readonly number[],
  explained?: Explained,
): Promise<Program> {
  return openProgram(open, await classifierGraph(network, format, batches, explained));
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
