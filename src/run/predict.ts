/** Predicts with a trained model: logits of images and of batches of arrays. */
import { availableParallelism } from "node:os";
import { perhaps } from "../close-names.js";
import { otherwiseSkip } from "../data/files/readable-images.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { featureChannels } from "../model/architecture.js";
import type { Precision } from "../settings/choices.js";
import { requireActing } from "../settings/idle-settings.js";
import { type Options, settingTable } from "../settings/table.js";
import type { Explained } from "../step/explain-step.js";
import { requireFiniteLogits } from "../train/evaluate.js";
import { arrayLogits } from "./array-logits.js";
import { type FetchConsole, findSource } from "./fetching.js";
import { imageLogits } from "./image-logits.js";
import { annotateFolder, drawnClasses, explainFolder } from "./picture-folders.js";
import { type ArrayInputs, findInputs, type ImageInputs } from "./predict-inputs.js";
import {
  arrayFile,
  type PredictedRow,
  type RowFile,
  tableFile,
  writeRows,
} from "./prediction-files.js";
import {
  findTrainedModel,
  imageSize,
  networkOf,
  precisionOf,
  type TrainedModel,
} from "./trained-model.js";

/** What predicts on what: the settings of `bit-predict` under the same names. */
export interface PredictOptions extends Omit<Options<"predict">, "run" | "weights" | "json"> {
  /** Images, folders of images, patterns such as `photos/*.jpg`, and `.npy` batches (float32 `[N,H,W,3]` in [-1, 1]). */
  readonly inputs: readonly string[];
  /** A run's folder or checkpoint, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
}

/** Who is told how a prediction goes on, and may stop it: no file is written then. */
export interface PredictConsole extends FetchConsole {
  /** Told before the first image. */
  readonly begun?: (about: PredictSubject) => void;
  /** One image after the other, of so many; it is waited for. */
  readonly predicted: (prediction: Prediction, count: number) => void | Promise<void>;
  /** An image that cannot be decoded, in its place among the others. */
  readonly skipped?: (image: SkippedImage, count: number) => void | Promise<void>;
}

/** An image that was left out. */
export interface SkippedImage {
  readonly source: string;
  readonly reason: string;
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

/** What predicts, and how. */
export interface PredictSubject {
  readonly model: string;
  readonly classes: number;
  /** Of the run, or of a published model; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** Side to which image files were resized; undefined where there were none. */
  readonly size: number | undefined;
  readonly precision: Precision;
  /** What people should know of: what was guessed, and what does not agree. */
  readonly notes: readonly string[];
}

export interface PredictReport extends PredictSubject {
  /** Images in all. */
  readonly count: number;
  /** Those of them that cannot be decoded. */
  readonly skipped: number;
}

/**
 * Predicts every input, in order. A skipped image keeps its place: in what the observer is told, in the
 * table, and as a row of NaN among logits and features.
 * @throws UserError where the model or an input is at fault
 */
export async function predict(
  options: PredictOptions,
  engine: Engine,
  observer: PredictConsole,
): Promise<PredictReport> {
  requireActing("predict", options);
  const {
    bitPretrainedDir = ".",
    workers = availableParallelism(),
    badImages = "refuse",
  } = options;
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findTrainedModel(source, options);
  const { groups, count, typicalSize } = await findInputs(options.inputs, badImages);
  const { classes, classNames, model } = trained;
  const precision = precisionOf(trained, engine, options.precision);
  const asked = { size: options.size, flag: "--size" };
  const { size, guess } = (typicalSize && imageSize(trained, typicalSize, asked)) ?? {};
  const { explain, annotate } = options;
  const label = explainedLabel(options, trained);
  const drawn = drawnClasses(explain === undefined && annotate === undefined ? [] : classNames);
  const notes = [...trained.notes, guess, drawn.note].filter((note) => note !== undefined);

  const network = networkOf(trained, engine, precision);
  const left: SkippedImage[] = [];
  const withFeatures = options.features !== undefined;
  const explained: Explained = label === undefined ? { kind: "top" } : { kind: "class", label };
  const all = async (append: (row: PredictedRow) => Promise<void>) => {
    for (const group of groups) {
      const names = namesOf(group);
      // Annotated arrays are shown as the network saw them, which is told with what explains it.
      const isShown = explain ?? (group.kind === "arrays" ? annotate : undefined);
      const wanted = { withFeatures, explained: isShown === undefined ? undefined : explained };
      const parts =
        group.kind === "images"
          ? imageLogits(
              group,
              trained,
              network,
              { ...options, size: size!, workers, badImages: atFault(options), ...wanted },
              engine,
            )
          : arrayLogits(group, trained, network, { ...options, ...wanted }, engine);
      for await (const outcomes of parts) {
        observer.signal?.throwIfAborted();
        for (const outcome of outcomes) {
          const name = names.next().value!;
          if (outcome.fault === undefined) {
            requireFiniteLogits(trained.weights, name.source, outcome.logits);
            await append({ ...name, outcome });
            await observer.predicted({ ...name, logits: outcome.logits }, count);
          } else {
            const fault = { ...name, reason: outcome.fault };
            left.push(fault);
            if (badImages === "refuse") continue;
            await append({ ...name, outcome });
            await observer.skipped?.(fault, count);
          }
        }
        // Lets the process hear signals between the native calls.
        await new Promise(setImmediate);
      }
    }
    if (badImages === "refuse") refuseAll(left, count);
    else if (left.length === count) throw nothingPredicted(options.inputs, count);
  };
  const about = { model, classes, classNames, size, precision, notes };
  observer.begun?.(about);
  const pictures = picturesOf(options, engine, { ...drawn, label });
  try {
    await writeRows([...filesOf(options, trained, count), ...pictures], all);
  } finally {
    for (const { close } of pictures) close();
  }
  return { ...about, count, skipped: left.length };
}

/**
 * What a pass over images does at one that cannot be decoded. Files and folders are whole or not there; where none is
 * asked for, an image that is refused takes nothing from the others.
 */
function atFault({ badImages = "refuse", ...asked }: PredictOptions): "refuse" | "skip" {
  const { logits, features, csv, annotate, explain } = asked;
  const isWritten = [logits, features, csv, annotate, explain].some((path) => path !== undefined);
  return isWritten ? badImages : "skip";
}

/** The files that are asked for. */
function filesOf(
  { logits, features, csv, top = defaultTop }: PredictOptions,
  { classes, classNames, architecture }: TrainedModel,
  count: number,
): RowFile[] {
  const shape = [count, featureChannels(architecture)] as const;
  return [
    ...(logits === undefined ? [] : [arrayFile(logits, "logits", [count, classes])]),
    ...(features === undefined ? [] : [arrayFile(features, "features", shape)]),
    ...(csv === undefined ? [] : [tableFile(csv, { classes, classNames, top })]),
  ];
}

/** The folders of pictures that are asked for. To be closed. */
function picturesOf(
  { annotate, explain, top = defaultTop }: PredictOptions,
  engine: Engine,
  drawn: Parameters<typeof explainFolder>[2],
) {
  return [
    ...(annotate === undefined ? [] : [annotateFolder(annotate, engine, { ...drawn, top })]),
    ...(explain === undefined ? [] : [explainFolder(explain, engine, drawn)]),
  ];
}

const { default: defaultTop } = settingTable.top;

/** The class that is asked for, by its name or its number. */
function explainedLabel(
  { explainClass }: PredictOptions,
  { classes, classNames, weights }: TrainedModel,
): number | undefined {
  if (explainClass === undefined) return undefined;
  const where = `--explain_class ${explainClass}`;
  const named = (classNames ?? []).flatMap((name, label) => (name === explainClass ? [label] : []));
  if (named.length === 1) return named[0];
  if (named.length === 0 && /^\d+$/.test(explainClass) && Number(explainClass) < classes)
    return Number(explainClass);
  const near = perhaps(explainClass, classNames ?? []);
  throw new UserError(
    where,
    named.length > 1 ? `${named.length} classes have this name` : `no class of ${weights}`,
    near ?? `the name of one of its classes, or a number from 0 to ${classes - 1}`,
    named.length > 1 ? `give its number: one of ${named.join(", ")}` : "give another class",
  );
}

/** Names all images that were refused, if any, once the others have been predicted. */
function refuseAll(refused: readonly SkippedImage[], count: number): void {
  const [first, ...others] = refused;
  if (first === undefined) return;
  if (others.length === 0)
    throw new UserError(
      first.source,
      first.reason,
      "an image that opens in a viewer",
      "mend the file, or leave it out: --bad_images skip",
    );
  const lines = refused.map(({ source, reason }) => `${source}: ${reason}`);
  throw new UserError(
    `${refused.length} of ${count} images`,
    ["cannot be used:", ...lines].join("\n    "),
    "images that open in a viewer",
    `mend the files, or ${otherwiseSkip}`,
  );
}

function nothingPredicted(inputs: readonly string[], count: number): UserError {
  return new UserError(
    inputs.join(" "),
    `${count === 1 ? "the image" : `all ${count} images`} had to be skipped`,
    "images that can be decoded, one at least",
    "see above what is wrong with each, or give others",
  );
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
