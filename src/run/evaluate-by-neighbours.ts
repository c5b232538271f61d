/** Evaluates a model's features without its head: the nearest images of the training part vote. */
import { availableParallelism } from "node:os";
import type { Dataset, Split } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { readRealLabels, realLabelsOf } from "../data/published/real-labels.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Evaluation } from "../evaluators/evaluator.js";
import { Scores } from "../evaluators/scores.js";
import { requireActing } from "../settings/idle-settings.js";
import type { EvaluationResult } from "../train/reports.js";
import type { EvaluateConsole, EvaluateOptions } from "./evaluate-options.js";
import { datasetOf, leftOut, requireData, unknownRealLabels } from "./evaluated-dataset.js";
import type { EvaluatedModel } from "./evaluated-model.js";
import { featuresOf } from "./feature-table.js";
import { dataPolicy, findSource } from "./fetching.js";
import { VOTES, votedExample, voteLogits, voteShares } from "./neighbour-votes.js";
import { nearestNeighbours } from "./neighbours.js";
import { findHeadlessModel, imageSize, precisionOf } from "./trained-model.js";

/** What is evaluated by votes. */
export interface VotedModel extends EvaluatedModel {
  /** The images that vote. */
  readonly voters: Split;
  /** How many of them vote on each image. */
  readonly votes: number;
}

/**
 * Refuses settings that contradict each other where images vote.
 * @throws UserError
 */
export function requireNeighbourOptions(options: EvaluateOptions): void {
  const { knn, tta, matchClasses, split } = options;
  const refuse = (where: string, got: string, expected: string, nextStep: string) => {
    throw new UserError(where, got, expected, nextStep);
  };
  requireActing("eval", options);
  if (!knn) return;
  if (tta !== undefined)
    refuse(
      `--tta ${tta}`,
      "--knn, which has no logits to average",
      "one of the two",
      "leave one out",
    );
  if (matchClasses === "order")
    refuse(
      "--match_classes order",
      "--knn, where the classes are the dataset's, not the model's",
      "one of the two",
      "leave --match_classes out",
    );
  if (split === "train")
    refuse(
      "--split train",
      "--knn, where the training part votes: each image would vote for itself",
      "a part that is held out",
      "leave --split out",
    );
}

/**
 * Finds model and dataset: its training part votes, the held-out part, or that of `split`, is voted on. The
 * classes are the dataset's.
 * @throws UserError where one of them is missing or unfit
 */
export async function findVoted(
  options: EvaluateOptions,
  engine: Engine,
  observer: EvaluateConsole,
): Promise<VotedModel> {
  const { bitPretrainedDir = ".", workers = availableParallelism(), realLabels: file } = options;
  const labels = file === undefined ? undefined : await readRealLabels(file);
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findHeadlessModel(source, options);
  const request = datasetOf(options, trained.run);
  if (options.dataset === undefined) await requireData(source, request.dataset);
  const policy = dataPolicy({ ...options, ...request }, observer, engine, workers);
  const whole = await loadDataset({ ...request, ...policy });
  const { classNames, train: voters } = whole;
  const dataset = await heldOutOf(whole, options, () => {
    const evaluation = {
      ...{ classNames, classes: classNames.length, part: options.split, trainedOn: true },
    };
    return loadDataset({ ...request, ...policy, evaluation });
  });
  const count = voters.labels.length;
  const { knnNeighbours: votes = Math.min(VOTES, count) } = options;
  if (votes > count)
    throw new UserError(
      `--knn_neighbours ${votes}`,
      `${dataset.name} has ${count} training images`,
      "at most as many neighbours as images that vote",
      `type --knn_neighbours ${Math.min(VOTES, count)}`,
    );
  const asked = { size: options.crop, flag: "--crop" };
  const { size: crop, guess } = imageSize(trained, whole.typicalSize, asked);
  const { unreadable: skipped = [] } = dataset;
  const notes = [
    ...trained.notes,
    ...(guess === undefined ? [] : [guess]),
    ...(dataset.notes ?? []),
    ...(skipped.length > 0 ? [leftOut(skipped)] : []),
  ];
  const precision = precisionOf(trained, engine, options.precision);
  const real = labels && (await realLabelsOf(dataset.val, labels, classNames));
  if (real !== undefined && real.unknown > 0)
    notes.push(unknownRealLabels(real.unknown, "dataset"));
  const { length: classes } = classNames;
  const facts = { trained, dataset, classes, crop, precision, notes };
  return { ...facts, realLabels: real?.realLabels, voters, votes };
}

/** A dataset whose `val` is voted on, as `bit-eval` describes it. */
async function heldOutOf(
  whole: Dataset,
  { split }: EvaluateOptions,
  loadPart: () => Promise<Dataset>,
): Promise<Dataset> {
  if (split !== undefined) return loadPart();
  const classes = new Set(whole.val.labels).size;
  return { ...whole, evaluated: { part: "val", classes, matching: "name" } };
}

/** The pass over the images of both parts, and the votes. */
export async function voted(
  { trained, dataset, voters, votes, classes, crop: size, precision }: VotedModel,
  { batch, resize, workers = availableParallelism() }: EvaluateOptions,
  engine: Engine,
  { line, signal, evaluating }: EvaluateConsole,
  evaluations: readonly Evaluation[],
): Promise<EvaluationResult> {
  const { val } = dataset;
  const total = voters.labels.length + val.labels.length;
  const options = { size, batch, resize, workers, precision };
  const tableOf = (part: Split, what: string, before: number) => {
    const progress = (done: number) => evaluating?.(before + done, total);
    return featuresOf(part, trained, { ...options, what }, engine, { line, signal, progress });
  };
  const table = await tableOf(voters, "training images", 0);
  const queries = await tableOf(val, "held-out images", voters.labels.length);
  const nearest = await nearestNeighbours(queries, table, votes, engine, { signal });
  const scores = new Scores();
  for (const [index, neighbours] of nearest.entries()) {
    const logits = voteLogits(voteShares(neighbours, voters.labels, classes), votes);
    const example = votedExample(index, val.labels[index]!, logits);
    scores.add(example);
    for (const evaluation of evaluations) evaluation.add(example);
  }
  return scores.means();
}
