/** A model that is ready to be used: the checkpoint of a run, or an archive with its head. */
import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { exists } from "../archive/file-reading.js";
import { NpzReader } from "../archive/npz-reader.js";
import { modelClassNames } from "../data/published/model-class-names.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { resizeMethods } from "../input/resize-functions.js";
import { type Architecture, parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive, headClasses } from "../model/checkpoint.js";
import { loadArchive } from "../step/initial-values.js";
import { availableMemoryBytes, trainBytesPerImage } from "../step/memory.js";
import type { Program } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import { computePolicy, defaultPrecision, type Precision, precisions } from "./precision.js";
import { type RunFolder, runFolderAt } from "./run-folder.js";
import { readJson } from "./versioned-json.js";

/** What later commands need to know of a run: a part of its `config.json`. */
const runRecord = z.object({
  model: z.string(),
  dataset: z.string(),
  datadir: z.string().nullable(),
  classNames: z.array(z.string()),
  resolution: z.object({ precrop: z.int().positive(), crop: z.int().positive() }),
  precision: z.enum(precisions),
  resize: z.enum(resizeMethods).default("pillow"),
  badImages: z.enum(["refuse", "skip"]).default("refuse"),
  seed: z.int(),
});

export type RunRecord = z.infer<typeof runRecord>;

export interface TrainedModel {
  /** As in `BiT-M-R50x1`. */
  readonly model: string;
  readonly architecture: Architecture;
  readonly classes: number;
  /** What its outputs mean; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** The archive of its weights. */
  readonly weights: string;
  /** The run that made it; undefined where an archive is all there is. */
  readonly run: RunRecord | undefined;
}

/** Whether a run's folder lies at `path`. */
export async function isRunFolder(path: string): Promise<boolean> {
  return exists(runFolderAt(path).config);
}

/**
 * Finds a model and checks that its archive fits.
 * @param source a run's folder, or an archive; a run's `checkpoint.npz` stands for its folder
 * @param model the model's name, instead of the run's or the archive's own
 * @param note told of names in the archive that are not the official ones
 * @throws UserError where there is none, or the archive holds no head or does not fit
 */
export async function findTrainedModel(
  source: string,
  model?: string,
  note?: (line: string) => void,
): Promise<TrainedModel> {
  const folder = await runOf(source);
  const run = folder && (await readRun(folder));
  const weights = folder?.checkpoint ?? source;
  const name = model ?? run?.model ?? basename(source).replace(/\.npz$/, "");
  const archive = await NpzReader.open(weights);
  try {
    const architecture = parseArchitecture(name);
    const arrays = archive.names.map((array) => archive.entry(array));
    const classes = headClasses(arrays);
    if (classes === undefined) throw headless(weights);
    const specs = variableSpecs(architecture, classes);
    const fitted = fitArchive(specs, arrays, { where: weights, model: name, newHead: false });
    if (fitted.note !== undefined) note?.(fitted.note);
    const classNames = run?.classNames ?? (await modelClassNames(name, classes));
    return { model: name, architecture, classes, classNames, weights, run };
  } finally {
    await archive.close();
  }
}

/** The precision that was asked for, else the run's, else the device's fastest. */
export function precisionOf(
  { run }: TrainedModel,
  engine: Engine,
  asked: Precision | undefined,
): Precision {
  return asked ?? run?.precision ?? defaultPrecision(engine);
}

/** The network of a model on an engine; by default in the precision in which it was trained. */
export function networkOf(
  { architecture, classes }: TrainedModel,
  engine: Engine,
  precision: Precision,
) {
  const { kernels } = engine;
  return { architecture, classes, kernels, ...computePolicy(engine, precision) } satisfies Network;
}

/** Gives a program's variables the model's values. */
export async function loadWeights(
  { session, variables }: Program,
  { model, weights }: TrainedModel,
): Promise<void> {
  const archive = await NpzReader.open(weights);
  try {
    await loadArchive(session, archive, variables, { model, newHead: false });
  } finally {
    await archive.close();
  }
}

// More images at a time gain nothing on a CPU; a GPU is asked for more with --batch.
const largestBatch = 32;
const memoryShare = 0.5;

/**
 * How many images are evaluated at a time where nobody says: at most 32, and so many that even a
 * training step on them would fit half of the free memory.
 * @param pixels of one image
 */
export function defaultBatch({ architecture }: TrainedModel, pixels: number): number {
  const perImage = trainBytesPerImage(architecture, Math.sqrt(pixels));
  const fitting = Math.floor((memoryShare * availableMemoryBytes()) / perImage);
  return Math.max(1, Math.min(largestBatch, fitting));
}

/** The run's folder that a path means; undefined where it means a file by itself. */
async function runOf(source: string): Promise<RunFolder | undefined> {
  const isFolder = await stat(source).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const folder = runFolderAt(resolve(isFolder ? source : dirname(source)));
  if (isFolder) {
    if (!(await exists(folder.config))) {
      throw new UserError(
        source,
        "no run's folder: config.json is not in it",
        "the folder <logdir>/<name> of a run, or an .npz",
        "give one of these",
      );
    }
    if (!(await exists(folder.checkpoint))) {
      throw new UserError(
        folder.checkpoint,
        "there is no such file: the run has not saved yet, or was made with --no-save",
        "the checkpoint of a run",
        "train with saving on, or give another run",
      );
    }
    return folder;
  }
  const isCheckpoint = basename(source) === basename(folder.checkpoint);
  return isCheckpoint && (await exists(folder.config)) ? folder : undefined;
}

async function readRun(folder: RunFolder): Promise<RunRecord> {
  const record = runRecord.safeParse(await readJson(folder.config));
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  throw new UserError(
    folder.config,
    `${issue!.path.join(".")}: ${issue!.message}`,
    "a config.json that bit-train wrote",
    "give the run's checkpoint.npz under another name with --model",
  );
}

function headless(weights: string): UserError {
  return new UserError(
    weights,
    "holds no classifier (resnet/head/conv2d/bias)",
    "an archive with a head",
    "fine-tune it first: npx bit-train --weights FILE",
  );
}
