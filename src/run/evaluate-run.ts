/** Evaluates a trained model on a part of a dataset. */
import { availableParallelism } from "node:os";
import { imageName, type UnreadableImage } from "../data/dataset.js";
import type { EvaluatedPart } from "../data/parts/evaluation.js";
import { readRealLabels, realLabelsOf } from "../data/published/real-labels.js";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { requireReplaceable } from "../disk/replaceable.js";
import type { Engine } from "../engine/session.js";
import type { Evaluation } from "../evaluators/evaluator.js";
import { Predictions } from "../evaluators/predictions.js";
import { AllMeasures, type Measures } from "../evaluators/registry.js";
import { appendPredictions, tableKind } from "../record/predictions-table.js";
import type { Precision } from "../settings/choices.js";
import { openEvalProgram } from "../step/program.js";
import type { TestTimeAugmentation } from "../step/test-time-augmentation.js";
import { evaluate, requireFiniteResult } from "../train/evaluate.js";
import type { EvaluationResult } from "../train/reports.js";
import { findVoted, requireNeighbourOptions, voted } from "./evaluate-by-neighbours.js";
import type { EvaluateConsole, EvaluateOptions } from "./evaluate-options.js";
import {
  datasetOf,
  leftOut,
  loadEvaluated,
  requireData,
  unknownRealLabels,
} from "./evaluated-dataset.js";
import type { EvaluatedModel } from "./evaluated-model.js";
import { dataPolicy, findSource } from "./fetching.js";
import { outOfMemory, requireMemory } from "./image-memory.js";
import {
  defaultBatch,
  findTrainedModel,
  imageSize,
  loadWeights,
  networkOf,
  precisionOf,
  type TrainedModel,
} from "./trained-model.js";
import { unreadableImage } from "./unreadable-image.js";

export type { EvaluateConsole, EvaluateOptions };

/** A result with what it rests on. */
export interface EvaluationReport extends EvaluationResult {
  readonly model: string;
  readonly weights: string;
  readonly dataset: string;
  /** Outputs of the model; where images vote, classes of the dataset. */
  readonly classes: number;
  /** Which part it was, of how many classes, and how these were found among the model's. */
  readonly evaluated: EvaluatedPart;
  /** Images of what the dataset was taken from that cannot be used, and do not count in the result. */
  readonly skipped: readonly UnreadableImage[];
  /** What people should know of: parts and images that are not used, what was guessed. */
  readonly notes: readonly string[];
  readonly crop: number;
  readonly precision: Precision;
  /** What the model was shown of each image besides the image itself. */
  readonly tta: TestTimeAugmentation | undefined;
  /** How many images voted on each, among how many, where the head played no part. */
  readonly votes: { readonly of: number; readonly among: number } | undefined;
  /** What the evaluators found, by their names. */
  readonly measures: Measures;
  /** Wall time, loading included. */
  readonly seconds: number;
}

/**
 * Evaluates a run or an archive. With `csv`, that file is complete or not written at all.
 * @throws UserError where model, archive and dataset do not belong together, or cannot be read
 */
export async function evaluateRun(
  options: EvaluateOptions,
  engine: Engine,
  observer: EvaluateConsole = {},
): Promise<EvaluationReport> {
  const begun = performance.now();
  const { csv } = options;
  if (csv !== undefined) await requireReplaceable(csv, tableKind, "--csv");
  requireNeighbourOptions(options);
  const subject = options.knn
    ? await findVoted(options, engine, observer)
    : await findSubject(options, engine, observer);
  const { trained, dataset } = subject;
  const { classNames, val } = dataset;
  const facts = { classes: subject.classes, classNames, count: val.labels.length };
  const measures = await AllMeasures.begin({
    ...facts,
    imageName: (index) => imageName(val.images, index),
    realLabels: subject.realLabels,
  });
  const predictions = csv === undefined ? undefined : new Predictions(facts);
  const judge = () => {
    const evaluations = [measures, ...(predictions === undefined ? [] : [predictions])];
    if ("voters" in subject) return voted(subject, options, engine, observer, evaluations);
    return judged(subject, options, engine, observer, evaluations);
  };
  let result: EvaluationResult;
  if (csv === undefined || predictions === undefined) result = await judge();
  else {
    let found: EvaluationResult | undefined;
    await writeFileAtomically(csv, async (append) => {
      found = await judge();
      await appendPredictions({ images: val.images, classNames, predictions }, append);
    });
    result = found!;
  }
  return {
    ...result,
    model: trained.model,
    weights: trained.weights,
    dataset: dataset.name,
    classes: subject.classes,
    votes:
      "voters" in subject ? { of: subject.votes, among: subject.voters.labels.length } : undefined,
    crop: subject.crop,
    precision: subject.precision,
    tta: options.tta,
    measures: measures.finish(),
    seconds: (performance.now() - begun) / 1000,
    evaluated: dataset.evaluated!,
    skipped: dataset.unreadable ?? [],
    notes: subject.notes,
  };
}

/** What is evaluated by its head. */
interface Subject extends EvaluatedModel {
  readonly trained: TrainedModel;
}

async function findSubject(
  options: EvaluateOptions,
  engine: Engine,
  observer: EvaluateConsole,
): Promise<Subject> {
  const { bitPretrainedDir = ".", workers = availableParallelism() } = options;
  const { realLabels: file } = options;
  // Before anything that takes long.
  const labels = file === undefined ? undefined : await readRealLabels(file);
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findTrainedModel(source, options);
  const request = datasetOf(options, trained.run);
  if (options.dataset === undefined) await requireData(source, request.dataset);
  const policy = dataPolicy({ ...options, ...request }, observer, engine, workers);
  const { dataset, elsewhere } = await loadEvaluated(options, trained, { ...request, ...policy });
  const { unreadable: skipped = [] } = dataset;
  const asked = { size: options.crop, flag: "--crop" };
  const { size: crop, guess } = imageSize(trained, dataset.typicalSize, asked);
  const notes = [
    ...trained.notes,
    ...(guess === undefined ? [] : [guess]),
    ...(elsewhere ? [`${dataset.name} is what the run was trained on: ${heldOut}`] : []),
    ...(dataset.notes ?? []),
    ...(skipped.length > 0 ? [leftOut(skipped)] : []),
  ];
  const precision = precisionOf(trained, engine, options.precision);
  const real = labels && (await realLabelsOf(dataset.val, labels, dataset.classNames));
  if (real !== undefined && real.unknown > 0) notes.push(unknownRealLabels(real.unknown, "model"));
  const { classes } = trained;
  return { trained, dataset, classes, crop, precision, notes, realLabels: real?.realLabels };
}

/** The one pass over the images. */
async function judged(
  { trained, dataset: { val }, crop, precision }: Subject,
  options: EvaluateOptions,
  engine: Engine,
  observer: EvaluateConsole,
  evaluations: readonly Evaluation[],
): Promise<EvaluationResult> {
  const { workers = availableParallelism(), tta } = options;
  const wanted = options.batch ?? defaultBatch(trained, crop * crop);
  const batch = Math.min(wanted, val.labels.length);
  const atATime = { size: [crop, crop], batch } as const;
  const network = networkOf(trained, engine, precision);
  requireMemory(trained, atATime, network.target.computeType);
  const program = await openEvalProgram(engine.open, network, val, {
    size: crop,
    evalBatch: batch,
    input: { resize: options.resize ?? trained.resize },
    workers,
    tta,
  }).catch((error: unknown) => {
    throw outOfMemory(error, trained, atATime) ?? error;
  });
  try {
    await loadWeights(program, trained);
    const progress = (done: number, total: number) => {
      observer.signal?.throwIfAborted();
      observer.evaluating?.(done, total);
    };
    const result = await evaluate(program, val, batch, { progress, evaluations });
    requireFiniteResult(trained.weights, result);
    return result;
  } catch (error) {
    const tooLarge = outOfMemory(error, trained, atATime);
    if (tooLarge !== undefined) throw tooLarge;
    const suspects = [{ images: val.images }];
    const otherwise = "leave it out: type the same command with --bad_images skip";
    throw (await unreadableImage(error, engine, suspects, otherwise)) ?? error;
  } finally {
    program.session.close();
  }
}

const heldOut = "only what it held out is evaluated";
