/** Predicts with a trained model: logits of images and of batches of arrays. */
import { availableParallelism } from "node:os";
import { writeFileAtomically } from "../archive/atomic-file.js";
import { encodeNpyHeader, readNpy } from "../archive/npy.js";
import { type Engine, floats } from "../engine/session.js";
import { UserError } from "../errors.js";
import { startPipeline } from "../input/pipeline.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import { getResolution } from "../recipe/hyperrule.js";
import { openPredictImagesProgram, openPredictProgram, predictPipeline } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import { requireFiniteLogits } from "../train/evaluate.js";
import { type FetchConsole, findSource } from "./fetching.js";
import type { FetchPolicy } from "./options.js";
import { inputPolicy, type Precision } from "./precision.js";
import { type ArrayInputs, findInputs, type ImageInputs } from "./predict-inputs.js";
import {
  defaultBatch,
  findTrainedModel,
  loadWeights,
  networkOf,
  precisionOf,
  type TrainedModel,
} from "./trained-model.js";
import { unreadableImage } from "./unreadable-image.js";

export interface PredictOptions extends FetchPolicy {
  /** Images, folders of images, and `.npy` batches (float32 `[N,H,W,3]` in [-1, 1]). */
  readonly inputs: readonly string[];
  /** A run's folder, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
  /** Where a published model's archive is looked for, and brought if it is missing; default `.`. */
  readonly bitPretrainedDir?: string | undefined;
  /** The model's name; for an `.npz` by default its file's. */
  readonly model?: string | undefined;
  /** Side to which images are resized; by default the run's crop, or the BiT-HyperRule's. */
  readonly size?: number | undefined;
  /** Images at a time; by default as the memory allows. */
  readonly batch?: number | undefined;
  readonly precision?: Precision | undefined;
  /** How images are resized; by default as in the run, or `pillow`. */
  readonly resize?: ResizeMethod | undefined;
  /** Threads that prepare images; default one a core. */
  readonly workers?: number | undefined;
  /** A `.npy` to write all logits to: float32 `[images, classes]`. */
  readonly logits?: string | undefined;
}

/** Who is told how a prediction goes on, and may stop it: no logits are written then. */
export interface PredictConsole extends FetchConsole {
  /** One image after the other, of so many. */
  readonly predicted: (prediction: Prediction, count: number) => void;
}

/** What the model makes of one image. */
export interface Prediction {
  /** The image's file, or the batch's. */
  readonly source: string;
  /** Of the image within its batch; undefined for an image file. */
  readonly index: number | undefined;
  /** `[classes]`; to be copied by who keeps it. */
  readonly logits: Float32Array;
}

export interface PredictReport {
  readonly model: string;
  readonly classes: number;
  /** Of the run, or of a published model; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** Side to which image files were resized; undefined where there were none. */
  readonly size: number | undefined;
  readonly precision: Precision;
  readonly count: number;
}

/**
 * Predicts every input, in order.
 * @throws UserError where the model or an input is at fault
 */
export async function predict(
  options: PredictOptions,
  engine: Engine,
  console: PredictConsole,
): Promise<PredictReport> {
  const { bitPretrainedDir = "." } = options;
  const source = await findSource(options.source, bitPretrainedDir, options, console);
  const trained = await findTrainedModel(source, options.model, console.line);
  const { groups, count, typicalSize } = await findInputs(options.inputs);
  const { classes, classNames, model, run } = trained;
  const precision = precisionOf(trained, engine, options.precision);
  const network = networkOf(trained, engine, precision);
  const size =
    typicalSize && (options.size ?? run?.resolution.crop ?? getResolution(typicalSize).crop);

  const all = async (append?: (bytes: Uint8Array) => Promise<void>) => {
    for (const group of groups) {
      const names = namesOf(group);
      const parts =
        group.kind === "images"
          ? imageLogits(group, size!, trained, network, options, engine)
          : arrayLogits(group, trained, network, options, engine);
      for await (const logits of parts) {
        console.signal?.throwIfAborted();
        await append?.(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
        for (let start = 0; start < logits.length; start += classes) {
          const name = names.next().value!;
          const row = logits.subarray(start, start + classes);
          requireFiniteLogits(trained.weights, name.source, row);
          console.predicted({ ...name, logits: row }, count);
        }
        // Lets the process hear signals between the native calls.
        await new Promise(setImmediate);
      }
    }
  };
  if (options.logits === undefined) await all();
  else {
    await writeFileAtomically(options.logits, async (append) => {
      await append(encodeNpyHeader("<f4", [count, classes]));
      await all(append);
    });
  }
  return { model, classes, classNames, size, precision, count };
}

function* namesOf(
  group: ImageInputs | ArrayInputs,
): Generator<Pick<Prediction, "source" | "index">, undefined> {
  if (group.kind === "images") {
    for (const source of group.paths) yield { source, index: undefined };
  } else {
    for (const { path: source, count } of group.files)
      for (let index = 0; index < count; index++) yield { source, index };
  }
}

/** Logits `[n, classes]` of one batch after the other; a batch that is not full is filled up. */
async function* imageLogits(
  { images, paths }: ImageInputs,
  size: number,
  trained: TrainedModel,
  network: Network,
  { batch: wanted, resize, workers = availableParallelism() }: PredictOptions,
  engine: Engine,
): AsyncGenerator<Float32Array> {
  const total = paths.length;
  const batch = Math.min(wanted ?? defaultBatch(trained, size * size), total);
  const options = {
    size,
    batch,
    workers,
    input: { ...inputPolicy(engine), resize: resize ?? trained.run?.resize },
  };
  const program = await openPredictImagesProgram(engine.open, network, images, options);
  const { session } = program;
  try {
    await loadWeights(program, trained);
    const padded = Math.ceil(total / batch) * batch;
    const indices = Int32Array.from({ length: padded }, (_, i) => (i < total ? i : 0));
    await startPipeline(session, predictPipeline, images, indices, new Int32Array(3 * padded));
    for (let start = 0; start < total; start += batch) {
      const [value] = await session.run({}, ["predict/logits"]);
      yield floats(value).subarray(0, Math.min(batch, total - start) * trained.classes);
    }
  } catch (error) {
    throw (await unreadableImage(error, engine, [images], "leave it out")) ?? error;
  } finally {
    session.close();
  }
}

/** As `imageLogits`, for arrays, which are fed as they are. */
async function* arrayLogits(
  { files, height, width }: ArrayInputs,
  trained: TrainedModel,
  network: Network,
  { batch: wanted }: PredictOptions,
  engine: Engine,
): AsyncGenerator<Float32Array> {
  const total = files.reduce((sum, { count }) => sum + count, 0);
  const batch = Math.min(wanted ?? defaultBatch(trained, height * width), total);
  const shape = [batch, height, width, 3] as const;
  const program = await openPredictProgram(engine.open, network, shape);
  const { session } = program;
  const data = new Float32Array(batch * height * width * 3);
  const logits = async (count: number) => {
    const [value] = await session.run({ images: { type: "float32", shape, data } }, [
      "predict/logits",
    ]);
    return floats(value).subarray(0, count * trained.classes);
  };
  try {
    await loadWeights(program, trained);
    let filled = 0;
    for (const { path } of files) {
      const values = (await readNpy(path)).data as Float32Array;
      checkRange(path, values);
      for (let start = 0; start < values.length; ) {
        const part = values.subarray(start, start + data.length - filled);
        data.set(part, filled);
        filled += part.length;
        start += part.length;
        if (filled < data.length) continue;
        yield await logits(batch);
        filled = 0;
      }
    }
    if (filled > 0) yield await logits(filled / (height * width * 3));
  } finally {
    session.close();
  }
}

// Some resizing filters overshoot a little; pixels of 0 to 255 or standardized ones are no such case.
const largestMagnitude = 1.5;

function checkRange(path: string, values: Float32Array): void {
  let low = 0;
  let high = 0;
  let finite = true;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    finite &&= Number.isFinite(value);
  }
  if (finite && low >= -largestMagnitude && high <= largestMagnitude) return;
  const got = finite ? `values from ${low} to ${high}` : "values that are not finite";
  throw new UserError(
    path,
    got,
    "values in [-1, 1], fed to the model as they are",
    "scale pixels of 0 to 255 by (x - 127.5) / 127.5 before saving",
  );
}
