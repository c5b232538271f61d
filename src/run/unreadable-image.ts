/** A decoding error of the engine, told as the user's file, or record of a file, that caused it. */
import type { Dataset, FileSource, Split } from "../data/dataset.js";
import { ExampleOrder } from "../data/order.js";
import { SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import { type DecodingEngine, findUnreadable, type UndecodableImage } from "../input/unreadable.js";
import type { RunConfig } from "../record/run-config.js";

/** Images among which the culprit may be. */
export interface Suspects {
  readonly images: Split["images"];
  /** Which of them; all, where it is left out. */
  readonly indices?: Iterable<number>;
}

/**
 * The error to throw in place of `error`, with the name of the image that cannot be decoded;
 * undefined where the error is of another kind.
 * @param otherwise what can be done besides mending the file
 */
export async function unreadableImage(
  error: unknown,
  engine: DecodingEngine,
  suspects: readonly Suspects[],
  otherwise: string,
): Promise<UserError | undefined> {
  if (!(error instanceof SessionError)) return undefined;
  for (const { images, indices } of suspects) {
    if (images.kind !== "files") continue;
    const found = await findUnreadable(engine, images, indices ?? images.paths.keys());
    if (found !== undefined) return undecodable(found, images, otherwise, error);
  }
  return undefined;
}

// The pipeline is ahead of the step by its buffers: an error may come from a batch not yet due.
const batchesAhead = 6;

/** What a run trains on. */
interface Trained {
  readonly config: Pick<RunConfig, "seed" | "batch" | "trainSize">;
  readonly dataset: Pick<Dataset, "train" | "val">;
  readonly engine: DecodingEngine;
}

/** As `unreadableImage`, among those that the engine may have been decoding at a training step, the likelier first. */
export async function unreadableAtStep(
  error: unknown,
  { config: { seed, batch, trainSize }, dataset: { train, val }, engine }: Trained,
  step: number,
  otherwise: string,
): Promise<UserError | undefined> {
  if (error instanceof SessionError && error.outOfMemory) return undefined;
  const inTraining = new ExampleOrder(seed, trainSize).slice(step * batch, batchesAhead * batch);
  const among = [{ images: train.images, indices: inTraining.indices }, { images: val.images }];
  return unreadableImage(error, engine, among, otherwise);
}

/** An image that the engine cannot decode, as a user's mistake. */
export function undecodable(
  { path, reason }: Pick<UndecodableImage, "path" | "reason">,
  { ranges }: Pick<FileSource, "ranges">,
  otherwise: string,
  cause: unknown,
): UserError {
  return new UserError(
    path,
    `cannot be decoded (${reason})`,
    "an image that opens in a viewer",
    `${ranges === undefined ? "mend the file" : "write it anew"}, or ${otherwise}`,
    { cause },
  );
}
