/** A pass over images: one batch after the other, past those that cannot be decoded. */
import type { FileSource, Split } from "../data/dataset.js";
import { type Engine, type HostTensor, type Session, SessionError } from "../engine/session.js";
import type { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { type UndecodableImage, unreadableAmong } from "../input/unreadable.js";
import type { Explained } from "../step/explain-step.js";
import { predictPipeline } from "../step/graphs.js";
import { openPredictImagesProgram, startImages } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import { outOfMemory, requireMemory } from "./image-memory.js";
import { defaultBatch, loadWeights, type TrainedModel } from "./trained-model.js";
import { undecodable } from "./unreadable-image.js";

const otherwise = "leave it out: --bad_images skip";

/** Images to be seen, the labels of which play no part. */
export interface SeenImages {
  readonly images: Split;
  /** Why some cannot be seen, by their index. Those are not to be decoded. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Why there is nothing of an image. */
export interface Faulty {
  readonly fault: string;
}

/** How images are seen. */
export interface SeeingOptions {
  /** Side to which images are resized. */
  readonly size: number;
  /** Images at a time; by default as the memory allows. */
  readonly batch?: number | undefined;
  readonly resize?: ResizeMethod | undefined;
  /** Threads that prepare images. */
  readonly workers: number;
  /** What becomes of an image that cannot be decoded. */
  readonly badImages: "refuse" | "skip";
}

/** What is taken from each batch. */
export interface Taken<T> {
  /** What a run of the predicting program fetches. */
  readonly fetches: readonly string[];
  /** What each image of a batch comes to, in order; to be copied by who keeps it. */
  readonly read: (fetched: readonly HostTensor[], batch: number) => readonly T[];
  /** Whether the weights' own head is left out, and a head of zeros taken. */
  readonly newHead: boolean;
  /** Of which classes the program makes maps; default none. */
  readonly explained?: Explained | undefined;
}

/** Whose weights see the images. */
export type SeeingModel = Pick<TrainedModel, "model" | "architecture" | "weights" | "resize">;

/**
 * The outcomes of all images, in their order, as many at a time as are ready.
 * @throws UserError at an image that cannot be decoded, where it is refused, after those before it
 */
export async function* imageOutcomes<T>(
  { images, faults: known }: SeenImages,
  trained: SeeingModel,
  network: Network,
  { newHead, explained, ...taken }: Taken<T>,
  options: SeeingOptions,
  engine: Engine,
): AsyncGenerator<readonly (T | Faulty)[]> {
  const { size, workers, badImages, resize = trained.resize } = options;
  const faults = new Map(known);
  const total = images.labels.length;
  let queue = [...images.labels.keys()].filter((index) => !faults.has(index));
  let told = 0;
  /** The outcomes of faulty images that stand before `index`. */
  const faultsBefore = (index: number): Faulty[] => {
    const outcomes: Faulty[] = [];
    for (; told < index; told++) outcomes.push({ fault: faults.get(told)! });
    return outcomes;
  };
  if (queue.length === 0) {
    yield faultsBefore(total);
    return;
  }
  const batch = Math.min(options.batch ?? defaultBatch(trained, size * size), queue.length);
  const atATime = { size: [size, size], batch } as const;
  requireMemory(trained, atATime, network.target.computeType);
  const program = await openPredictImagesProgram(engine.open, network, images, {
    ...{ size, batch, workers, input: { resize }, explained },
  });
  const { session } = program;
  let refusal: UserError | undefined;
  try {
    await loadWeights(program, trained, newHead);
    while (queue.length > 0) {
      const padded = filledUp(queue, batch);
      const uncropped = new Int32Array(3 * padded.length);
      await startImages(program, predictPipeline, padded, uncropped);
      let failure: SessionError | undefined;
      let done = 0;
      for (; done < queue.length; done += batch) {
        const next = await nextOutcomes(session, batch, taken);
        if (next instanceof SessionError) {
          failure = next;
          break;
        }
        const outcomes: (T | Faulty)[] = [];
        for (const [row, index] of queue.slice(done, done + batch).entries()) {
          outcomes.push(...faultsBefore(index));
          outcomes.push(next[row]!);
          told++;
        }
        yield outcomes;
      }
      queue = queue.slice(done);
      if (failure === undefined) continue;
      if (images.images.kind !== "files") throw failure;
      const found = await undecodableAmong(failure, engine, images.images, queue, batch);
      for (const { index, reason } of found) faults.set(index, `cannot be decoded (${reason})`);
      const [first] = found;
      if (badImages === "refuse") refusal = undecodable(first, images.images, otherwise, failure);
      queue = queue.filter((index) => {
        return badImages === "refuse" ? index < first.index : !faults.has(index);
      });
    }
  } catch (error) {
    throw outOfMemory(error, trained, atATime) ?? error;
  } finally {
    session.close();
  }
  if (refusal !== undefined) throw refusal;
  yield faultsBefore(total);
}

/** Indices in whole batches; an image that was decoded before fills up the last one. */
function filledUp(queue: readonly number[], batch: number): Int32Array {
  const length = Math.ceil(queue.length / batch) * batch;
  return Int32Array.from({ length }, (_, i) => queue[i] ?? queue[0]!);
}

/** Outcomes of a batch, or what the engine said of one of its images. */
async function nextOutcomes<T>(
  session: Session,
  batch: number,
  { fetches, read }: Pick<Taken<T>, "fetches" | "read">,
): Promise<readonly T[] | SessionError> {
  try {
    return read(await session.run({}, fetches), batch);
  } catch (error) {
    if (!(error instanceof SessionError) || error.outOfMemory) throw error;
    return error;
  }
}

/**
 * The images that were the cause of `failure`: of the batch at the head of `queue`, or else of those
 * after it, which were being decoded too.
 * @throws what failed, where every image can be decoded
 */
async function undecodableAmong(
  failure: SessionError,
  engine: Engine,
  images: FileSource,
  queue: readonly number[],
  batch: number,
): Promise<[UndecodableImage, ...UndecodableImage[]]> {
  for (const part of [queue.slice(0, batch), queue.slice(batch)]) {
    const found: UndecodableImage[] = [];
    for await (const image of unreadableAmong(engine, images, part)) found.push(image);
    const [first, ...others] = found;
    if (first !== undefined) return [first, ...others];
  }
  throw failure;
}
