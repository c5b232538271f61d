/** Evaluates a trained model on a part of a dataset. */
import { access } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, isAbsolute } from "node:path";
import type { Dataset, UnreadableImage } from "../data/dataset.js";
import { type DatasetRequest, loadDataset } from "../data/datasets.js";
import { listed } from "../data/listed.js";
import type { EvaluatedPart } from "../data/parts/evaluation.js";
import type { Engine } from "../engine/session.js";
import { systemErrorCode, UserError } from "../errors.js";
import type { RunRecord } from "../record/run-record.js";
import type { Precision } from "../settings/choices.js";
import type { Options } from "../settings/table.js";
import { openEvalProgram } from "../step/program.js";
import { evaluate, requireFiniteResult } from "../train/evaluate.js";
import type { EvaluationResult } from "../train/reports.js";
import { dataPolicy, type FetchConsole, findSource } from "./fetching.js";
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
import { isSameDataset, isTrainingData } from "./training-data.js";
import { unreadableImage } from "./unreadable-image.js";

/**
 * What is to be evaluated: the settings of `bit-eval` under the same names. What is left out is as it was in
 * the run.
 */
export interface EvaluateOptions extends Omit<Options<"eval">, "json"> {
  /** A run's folder or checkpoint, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
}

/** Who is told how an evaluation goes on, and may stop it. */
export interface EvaluateConsole extends FetchConsole {
  readonly evaluating?: ((done: number, total: number) => void) | undefined;
}

/** A result with what it rests on. */
export interface EvaluationReport extends EvaluationResult {
  readonly model: string;
  readonly weights: string;
  readonly dataset: string;
  /** Outputs of the model. */
  readonly classes: number;
  /** Which part it was, of how many classes, and how these were found among the model's. */
  readonly evaluated: EvaluatedPart;
  /** Images of what the dataset was taken from that cannot be used, and do not count in the result. */
  readonly skipped: readonly UnreadableImage[];
  /** What people should know of: parts and images that are not used, what was guessed. */
  readonly notes: readonly string[];
  readonly crop: number;
  readonly precision: Precision;
  /** Wall time, loading included. */
  readonly seconds: number;
}

/**
 * Evaluates a run or an archive.
 * @throws UserError where model, archive and dataset do not belong together, or cannot be read
 */
export async function evaluateRun(
  options: EvaluateOptions,
  engine: Engine,
  observer: EvaluateConsole = {},
): Promise<EvaluationReport> {
  const begun = performance.now();
  const { bitPretrainedDir = ".", workers = availableParallelism() } = options;
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findTrainedModel(source, options);
  const { run } = trained;
  const request = datasetOf(options, run);
  if (options.dataset === undefined) await requireData(source, request.dataset);
  const policy = dataPolicy({ ...options, ...request }, observer, engine, workers);
  const { dataset, elsewhere } = await loadEvaluated(options, trained, { ...request, ...policy });
  const { val, unreadable: skipped = [] } = dataset;

  const asked = { size: options.crop, flag: "--crop" };
  const { size: crop, guess } = imageSize(trained, dataset.typicalSize, asked);
  const wanted = options.batch ?? defaultBatch(trained, crop * crop);
  const batch = Math.min(wanted, val.labels.length);
  const precision = precisionOf(trained, engine, options.precision);
  const atATime = { size: [crop, crop], batch } as const;
  const network = networkOf(trained, engine, precision);
  requireMemory(trained, atATime, network.target.computeType);
  const program = await openEvalProgram(engine.open, network, val, {
    size: crop,
    evalBatch: batch,
    input: { resize: options.resize ?? trained.resize },
    workers,
  }).catch((error: unknown) => {
    throw outOfMemory(error, trained, atATime) ?? error;
  });
  try {
    await loadWeights(program, trained);
    const result = await evaluate(program, val, batch, (done, total) => {
      observer.signal?.throwIfAborted();
      observer.evaluating?.(done, total);
    });
    requireFiniteResult(trained.weights, result);
    return {
      ...result,
      model: trained.model,
      weights: trained.weights,
      dataset: dataset.name,
      classes: trained.classes,
      crop,
      precision,
      seconds: (performance.now() - begun) / 1000,
      evaluated: dataset.evaluated!,
      skipped,
      notes: [
        ...trained.notes,
        ...(guess === undefined ? [] : [guess]),
        ...(elsewhere ? [`${dataset.name} is what the run was trained on: ${heldOut}`] : []),
        ...(dataset.notes ?? []),
        ...(skipped.length > 0 ? [leftOut(skipped)] : []),
      ],
    };
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

/**
 * The part that is evaluated.
 * @returns and whether the dataset is what the run was trained on, though it is not the one that it names
 */
async function loadEvaluated(
  { split: part, matchClasses: match }: EvaluateOptions,
  { run, classNames, classes }: TrainedModel,
  request: DatasetRequest,
): Promise<{ readonly dataset: Dataset; readonly elsewhere: boolean }> {
  const load = (trainedOn: boolean) => {
    const evaluation = { classNames, classes, part, trainedOn, match };
    return loadDataset({ ...request, evaluation });
  };
  const trainedOn = run !== undefined && (await isSameDataset(request, run));
  const found = await load(trainedOn);
  const elsewhere =
    run !== undefined &&
    !trainedOn &&
    (await isTrainingData(found, run, () => loadDataset(request)));
  return { dataset: elsewhere ? await load(true) : found, elsewhere };
}

const heldOut = "only what it held out is evaluated";

function leftOut(images: readonly UnreadableImage[]): string {
  const [what, are] = images.length === 1 ? ["image", "is"] : ["images", "are"];
  const named = listed(images.map(({ path, reason }) => `${path} (${reason})`));
  return `${images.length} ${what} that cannot be used ${are} left out: ${named}`;
}

/**
 * A model's own record names the place where its data lay on the machine of its run.
 * @throws UserError where nothing lies there any more
 */
async function requireData(source: string, dataset: string): Promise<void> {
  if (!isAbsolute(dataset)) return;
  // Of a pattern of files the last folder in front of what may vary.
  const [fixed = ""] = dataset.split(/[*?{[]/, 1);
  const place = fixed === dataset ? dataset : dirname(`${fixed}_`);
  const exists = (path: string) =>
    access(path).then(
      () => true,
      (error: unknown) => systemErrorCode(error) !== "ENOENT",
    );
  if ((await exists(dataset)) || (await exists(place))) return;
  throw new UserError(
    source,
    `was trained on ${dataset}, and nothing lies there`,
    "the data that it is to be evaluated on",
    "say where the data lies now: --dataset PATH",
  );
}

function datasetOf(
  { source, dataset, datadir, badImages }: EvaluateOptions,
  run: Pick<RunRecord, "dataset" | "datadir" | "seed" | "badImages"> | undefined,
) {
  const name = dataset ?? run?.dataset;
  if (name === undefined) {
    throw new UserError(
      source,
      "an archive does not say on what to evaluate it",
      "a dataset",
      "type --dataset NAME --datadir PATH",
    );
  }
  // The run's own folder says nothing of where another dataset lies.
  const known = name === run?.dataset ? (run.datadir ?? undefined) : undefined;
  return {
    dataset: name,
    datadir: datadir ?? known,
    seed: run?.seed ?? 0,
    badImages: badImages ?? run?.badImages,
  };
}
