/** Whether images of a size fit the memory, of commands that evaluate or predict. */
import { counted } from "../counted.js";
import { SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { ComputeType } from "../graph/target.js";
import { availableMemoryBytes, evalBytesPerImage } from "../step/memory.js";
import type { TrainedModel } from "./trained-model.js";

/** The images that a model is given at a time. */
export interface ImagesAtATime {
  /** Height and width in pixels. */
  readonly size: readonly [number, number];
  readonly batch: number;
}

/**
 * Refuses what cannot fit, before the engine tries: the system might end the process, or others.
 * @throws UserError where the images of one batch need more memory than is free, by the least estimate
 */
export function requireMemory(
  trained: Pick<TrainedModel, "architecture" | "model">,
  images: ImagesAtATime,
  computeType: ComputeType | undefined,
  freeBytes = availableMemoryBytes(),
): void {
  const side = Math.sqrt(images.size[0] * images.size[1]);
  const each = evalBytesPerImage(trained.architecture, side, computeType);
  if (images.batch * each > freeBytes) throw noMemory(trained, images);
}

/** The error to throw in place of `error` where the engine ran out of memory; undefined elsewhere. */
export function outOfMemory(
  error: unknown,
  trained: Pick<TrainedModel, "model">,
  images: ImagesAtATime,
): UserError | undefined {
  if (!(error instanceof SessionError) || !error.outOfMemory) return undefined;
  return noMemory(trained, images, error);
}

function noMemory(
  { model }: Pick<TrainedModel, "model">,
  { size, batch }: ImagesAtATime,
  cause?: unknown,
): UserError {
  const pixels = size.join(" x ");
  const one = batch === 1;
  return new UserError(
    model,
    one
      ? `an image of ${pixels} does not fit the memory`
      : `${counted(batch, "image")} of ${pixels} at a time do not fit the memory`,
    "images that fit it",
    one
      ? "give smaller images, or a smaller size (bit-eval --crop; bit-predict or bit-export --size)"
      : "give a smaller --batch",
    { cause },
  );
}
