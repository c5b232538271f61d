/** A model that is ready to be used: the checkpoint of a run, or an archive with its head. */

import { basename, resolve } from "node:path";
import { openArchive } from "../archive/array-archive.js";
import { counted } from "../counted.js";
import { modelClassNames } from "../data/published/model-class-names.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { canStandardizeAhead } from "../graph/target.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { type Architecture, parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive, headClasses } from "../model/checkpoint.js";
import { getResolution } from "../recipe/hyperrule.js";
import { metadataArray, readRecord } from "../record/archive-record.js";
import { readFacts } from "../record/classifier-facts.js";
import { joinRecords, type RunRecord, readRun, recordDifferences } from "../record/run-record.js";
import type { Precision } from "../settings/choices.js";
import { loadArchive } from "../step/initial-values.js";
import { availableMemoryBytes, trainBytesPerImage } from "../step/memory.js";
import type { Program } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import { hubModel } from "../zoo/hub-folder.js";
import { modelAtPath } from "./model-at-path.js";
import { defaultPrecision, inPrecision } from "./precision.js";
import { sampleFacts, sampleWeights } from "./sample-model.js";

/** What is to be taken for the model that a path means. */
export interface ModelWishes {
  /** Its name, instead of the run's, the archive's own, or the file's. */
  readonly model?: string | undefined;
  /** The run's best checkpoint instead of its newest; default false. */
  readonly best?: boolean | undefined;
}

export interface TrainedModel {
  /** As in `BiT-M-R50x1`. */
  readonly model: string;
  readonly architecture: Architecture;
  readonly classes: number;
  /** What its outputs mean; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** Side of the images that it was trained on; undefined where nobody says. */
  readonly crop: number | undefined;
  /** How images were resized that it was trained on, where that is told, else as Pillow does. */
  readonly resize: ResizeMethod;
  /** The archive of its weights. */
  readonly weights: string;
  /**
   * How it was judged where it was trained, by the run's `config.json` or by the archive itself;
   * undefined where neither tells.
   */
  readonly run: RunRecord | undefined;
  /** Steps of training after which it was saved; undefined where the archive does not tell. */
  readonly steps: number | undefined;
  /** What people are to be told of where this comes from. */
  readonly notes: readonly string[];
}

/** A model whose head plays no part, and need not be there. */
export type HeadlessModel = Omit<TrainedModel, "classes" | "classNames">;

/**
 * Finds a model and checks that its archive fits.
 * @param source a run's folder, one of its checkpoints, or an archive
 * @throws UserError where there is none, or the archive holds no head or does not fit, or contradicts
 *   itself
 */
export async function findTrainedModel(
  source: string,
  wishes: ModelWishes = {},
): Promise<TrainedModel> {
  const { classes, ...model } = await findModel(source, wishes, true);
  if (classes === undefined) throw headless(model.weights);
  return { ...model, classes };
}

/** As `findTrainedModel`, for the model's features alone: with or without a head. */
export async function findHeadlessModel(
  source: string,
  wishes: ModelWishes = {},
): Promise<HeadlessModel> {
  const { classes, classNames, ...model } = await findModel(source, wishes, false);
  return model;
}

type FoundModel = HeadlessModel &
  Pick<TrainedModel, "classNames"> & { readonly classes: number | undefined };

async function findModel(
  source: string,
  { model, best = false }: ModelWishes,
  needsHead: boolean,
): Promise<FoundModel> {
  const { folder, archive: weights } = await modelAtPath(source, best);
  const config = folder && (await readRun(folder));
  const archive = await openArchive(weights);
  try {
    const own = await readRecord(archive);
    const run = joinRecords(config, own);
    // Before the head: of another network it tells that it is no BiT.
    const hub = await hubModel(archive);
    const arrays = archive.names.map((array) => archive.entry(array));
    const classes = headClasses(arrays);
    if (classes === undefined && needsHead) throw headless(weights);
    const told = classes === undefined ? undefined : await readFacts(archive, classes);
    const name =
      model ??
      run?.model ??
      hub?.architecture.name ??
      told?.model ??
      basename(weights).replace(/\.npz$/, "");
    const architecture = parseArchitecture(name);
    const specs = variableSpecs(architecture, classes ?? 1);
    const newHead = !needsHead;
    const fitted = fitArchive(specs, arrays, { where: weights, model: name, newHead });
    if (run !== undefined && classes !== undefined && run.classNames.length !== classes)
      throw otherClasses(weights, run, classes);
    const sample = resolve(weights) === sampleWeights() ? sampleFacts : undefined;
    const classNames =
      run?.classNames ??
      hub?.classNames ??
      told?.labels ??
      sample?.classNames ??
      (classes === undefined ? undefined : await modelClassNames(name, classes));
    const crop = run?.resolution.crop ?? hub?.size ?? told?.size ?? sample?.crop;
    const resize = run?.resize ?? hub?.resize ?? told?.resize ?? "pillow";
    const notes = [
      ...(fitted.note === undefined ? [] : [fitted.note]),
      ...(hub?.notes ?? []),
      ...(best
        ? [`The run's best checkpoint${own ? `, of step ${own.steps}` : ""}: ${weights}`]
        : []),
      ...(folder && config && own ? disagreement(folder.config, config, weights, own) : []),
    ];
    const steps = own?.steps;
    const facts = { model: name, architecture, classes, classNames, crop, resize };
    return { ...facts, weights, run, steps, notes };
  } finally {
    await archive.close();
  }
}

/** As where a run went on under settings that `--force` let change. */
function disagreement(
  configPath: string,
  config: RunRecord,
  weights: string,
  own: RunRecord,
): string[] {
  const differences = recordDifferences(config, own);
  if (differences.length === 0) return [];
  const told = `${configPath} and ${weights} do not agree: ${differences.join("; ")}`;
  return [`${told}. The archive's own, the second, is taken`];
}

/** Side to which images are resized, and what is to be said where nobody told it. */
export interface ImageSize {
  readonly size: number;
  readonly guess: string | undefined;
}

/**
 * The size that was asked for, else that of the model's run, else a guess: what the BiT-HyperRule
 * trains images of this size at.
 * @param typicalSize height and width of the images in pixels
 * @param asked what the user asks for, and by which flag
 */
export function imageSize(
  { crop, weights }: Pick<TrainedModel, "crop" | "weights">,
  typicalSize: readonly [number, number],
  { size: asked, flag }: { readonly size: number | undefined; readonly flag: string },
): ImageSize {
  const known = asked ?? crop;
  if (known !== undefined) return { size: known, guess: undefined };
  const { crop: size } = getResolution(typicalSize);
  const rule = `as the BiT-HyperRule has it for images of ${typicalSize.join("x")}`;
  const guess = `${weights} does not say at what size it was trained: ${size}x${size} is a guess, ${rule} (${flag})`;
  return { size, guess };
}

/** The precision that was asked for, else the run's, else the device's fastest. */
export function precisionOf(
  { run }: Pick<TrainedModel, "run">,
  engine: Engine,
  asked: Precision | undefined,
): Precision {
  return asked ?? run?.precision ?? defaultPrecision(engine.target);
}

/**
 * The network of a model on an engine, for programs of which the weights do not change: its kernels are
 * standardized once, as they are loaded, where the engine can.
 */
export function networkOf(
  { architecture, classes }: Pick<TrainedModel, "architecture" | "classes">,
  { target }: Pick<Engine, "target">,
  precision: Precision,
) {
  const kernels = canStandardizeAhead(target) ? "standardized" : "raw";
  const computed = inPrecision(target, precision);
  return { architecture, classes, kernels, target: computed } satisfies Network;
}

/**
 * Gives a program's variables the model's values.
 * @param newHead whether the archive's own head is left out, and a head of zeros taken
 */
export async function loadWeights(
  { session, variables }: Program,
  { model, weights }: Pick<TrainedModel, "model" | "weights">,
  newHead = false,
): Promise<void> {
  const archive = await openArchive(weights);
  try {
    await loadArchive(session, archive, variables, { model, newHead });
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
export function defaultBatch(
  { architecture }: Pick<TrainedModel, "architecture">,
  pixels: number,
): number {
  const perImage = trainBytesPerImage(architecture, Math.sqrt(pixels));
  const fitting = Math.floor((memoryShare * availableMemoryBytes()) / perImage);
  return Math.max(1, Math.min(largestBatch, fitting));
}

function otherClasses(weights: string, { classNames }: RunRecord, classes: number): UserError {
  return new UserError(
    weights,
    `has a head of ${counted(classes, "class", "classes")}, where ${classNames.length} are named`,
    "as many names as classes",
    `give the archive as the run wrote it, or one without '${metadataArray}'`,
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
