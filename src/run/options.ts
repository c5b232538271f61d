/** What a user may ask of a run, and what it comes to: every choice resolved before step 0. */
import { join, resolve } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { DATASET_NAMES } from "../data/datasets.js";
import { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import { parseArchitecture } from "../model/architecture.js";
import { packageRoot } from "../package-root.js";
import { getMixupAlpha, getResolution, scaleSchedule } from "../recipe/hyperrule.js";
import { type RecipeName, recipeOf } from "../recipe/recipes.js";
import { availableMemoryBytes, fittingSplit } from "../step/memory.js";
import type { TrainPlan } from "../train/train-plan.js";
import { modelPath } from "../zoo/models.js";
import { computeTypes, type Precision } from "./precision.js";

/** A user's wishes. What is left out follows the BiT-HyperRule, or the machine. */
export interface FineTuneOptions extends FetchPolicy {
  /** The run's name; by default of dataset, model and time. */
  readonly name?: string | undefined;
  /**
   * `BiT-M-R50x1`, `R14x0.5`, ...; its part `R<depth>x<width>` tells the architecture. It may be left
   * out where `weights` tell it.
   */
  readonly model?: string | undefined;
  /** Default `bit_logs`. */
  readonly logdir?: string | undefined;
  /** Where `<model>.npz` lies; default `.`. */
  readonly bitPretrainedDir?: string | undefined;
  /**
   * The archive to start from, or a run or one of its checkpoints, instead of
   * `<bitPretrainedDir>/<model>.npz`.
   */
  readonly weights?: string | undefined;
  /** Start from random values instead. */
  readonly fromScratch?: boolean | undefined;
  readonly dataset: string;
  readonly datadir?: string | undefined;
  /** What becomes of images that cannot be decoded; default `refuse`. */
  readonly badImages?: "refuse" | "skip" | undefined;
  readonly examplesPerClass?: number | undefined;
  readonly examplesPerClassSeed?: number | undefined;
  /** Whose batch, learning rate and schedule; default `hyperrule`, the official one. */
  readonly recipe?: RecipeName | undefined;
  /** Examples a step; default the recipe's, 512. */
  readonly batch?: number | undefined;
  /** Parts in which a batch is computed; default as many as the memory needs. */
  readonly batchSplit?: number | undefined;
  /** Learning rate after the warm-up; default the recipe's. */
  readonly baseLr?: number | undefined;
  readonly evalEvery?: number | undefined;
  /** Evaluate before the first step too. */
  readonly evalFirst?: boolean | undefined;
  readonly saveEvery?: number | undefined;
  /** Save when so many minutes have passed since the last time; default never. */
  readonly saveMinutes?: number | undefined;
  /** How many of the newest checkpoints are kept, besides the best; default 2. */
  readonly keep?: number | undefined;
  /**
   * Go on with a run although its settings or its data have changed, or anew with one whose
   * checkpoints are gone; default false.
   */
  readonly force?: boolean | undefined;
  /** Threads that prepare images; default one a core. */
  readonly workers?: number | undefined;
  /** Whether checkpoints are written; default true. */
  readonly save?: boolean | undefined;
  readonly seed?: number | undefined;
  /** Length of training; the schedule is scaled to it. */
  readonly steps?: number | undefined;
  /** Side to which training images are resized before they are cropped. */
  readonly resolution?: number | undefined;
  readonly crop?: number | undefined;
  /** How images are resized; default `pillow`. */
  readonly resize?: ResizeMethod | undefined;
  /** Default: the device's fastest. */
  readonly precision?: Precision | undefined;
  /** Compute each unit's inside again for the gradient: less memory, more time. Default false. */
  readonly remat?: boolean | undefined;
  /** Keep decoded images in memory, as far as it reaches. It changes no result. Default false. */
  readonly cache?: boolean | undefined;
}

/** Options of which the model is known, and `weights` are an archive. */
export type ModelledOptions = FineTuneOptions & { readonly model: string };

/** Where what is missing comes from. */
export interface FetchPolicy {
  /** Fetch nothing; default false. */
  readonly offline?: boolean | undefined;
  /** A mirror of the published models; default `$BIT_BASE_URL`, or the official address. */
  readonly baseUrl?: string | undefined;
  /** A mirror of datasets: an address that replaces all of a file's but its name. */
  readonly dataUrl?: string | undefined;
  /** Hold datasets' files to the mirror's own MD5SUMS rather than to their publishers' sums. */
  readonly trustMirror?: boolean | undefined;
}

/** A plan with what it rests on: what `config.json` holds. */
export interface RunConfig extends TrainPlan {
  readonly name: string;
  readonly model: string;
  /** As in `R50x1`. */
  readonly architecture: string;
  /** The archive that training starts from, or null for random values. */
  readonly weights: string | null;
  /** A known name, or the absolute path of an image folder. */
  readonly dataset: string;
  /** Absolute; of no meaning where `dataset` is a path or the sample. */
  readonly datadir: string;
  readonly classNames: readonly string[];
  readonly trainSize: number;
  readonly valSize: number;
  readonly recipe: RecipeName;
  readonly badImages: "refuse" | "skip";
  readonly resize: ResizeMethod;
  readonly examplesPerClass: number | null;
  readonly examplesPerClassSeed: number;
  readonly precision: Precision;
  readonly remat: boolean;
  readonly cache: boolean;
  readonly workers: number;
  /** How many of the newest checkpoints are kept, besides the best. */
  readonly keep: number;
}

/** The embedded model, pretrained on five of Fashion-MNIST's classes. */
export const sampleModel = "sample-R14x0.5";

/** Where the embedded model's archive lies. */
export function sampleWeights(): string {
  return join(packageRoot, "sample", `${sampleModel}.npz`);
}

// What the step may take of the memory that is free; the rest is for images, weights and others.
const memoryShare = 0.6;

/**
 * Resolves a user's wishes for a dataset.
 * @param known the plan of an earlier part of the run, whose split and precision a resumed run keeps
 * @throws UserError where they contradict each other
 */
export function resolveConfig(
  name: string,
  options: ModelledOptions,
  dataset: Dataset,
  machine: { readonly cores: number; readonly precision: () => Precision },
  known?: Pick<RunConfig, "split" | "precision">,
): RunConfig {
  const architecture = parseArchitecture(options.model);
  const trainSize = dataset.train.labels.length;
  const recipeName = options.recipe ?? "hyperrule";
  const recipe = recipeOf(recipeName);
  const batch = options.batch ?? recipe.batch;
  const resolution = resolveResolution(options, dataset);
  const precision = options.precision ?? known?.precision ?? machine.precision();
  const remat = options.remat ?? false;
  const needs = {
    classes: dataset.classNames.length,
    size: resolution.crop,
    computeType: computeTypes[precision],
    remat,
  };
  // A run that had to take smaller parts than it was told to goes on with them.
  const forced = known !== undefined && known.split % (options.batchSplit ?? 1) === 0;
  const split =
    (forced ? known.split : options.batchSplit) ??
    fittingSplit(architecture, needs, batch, memoryShare * availableMemoryBytes());
  if (split > batch || batch % split !== 0) {
    throw new UserError(
      "--batch_split",
      `${split} does not divide a batch of ${batch}`,
      "a divisor of --batch",
      `type for example --batch_split ${nearestDivisor(batch, split)}`,
    );
  }
  const rule = recipe.schedule(trainSize);
  return {
    name,
    model: options.model,
    architecture: architecture.name,
    weights: options.fromScratch === true ? null : weightsPath(options),
    dataset: datasetSpec(options.dataset),
    datadir: resolve(options.datadir ?? "."),
    classNames: dataset.classNames,
    trainSize,
    valSize: dataset.val.labels.length,
    recipe: recipeName,
    badImages: options.badImages ?? "refuse",
    resize: options.resize ?? "pillow",
    examplesPerClass: options.examplesPerClass ?? null,
    examplesPerClassSeed: options.examplesPerClassSeed ?? 0,
    seed: options.seed ?? 0,
    batch,
    split,
    baseLr: options.baseLr ?? recipe.baseLr,
    schedule: options.steps === undefined ? rule : scaleSchedule(rule, options.steps),
    mixupAlpha: getMixupAlpha(trainSize),
    resolution,
    evalBatch: Math.min(batch / split, dataset.val.labels.length),
    evalEvery: options.evalEvery,
    evalFirst: options.evalFirst,
    saveEvery: options.saveEvery,
    saveMinutes: options.saveMinutes,
    keep: options.keep ?? 2,
    precision,
    remat,
    cache: options.cache ?? false,
    workers: options.workers ?? machine.cores,
  };
}

/** The archive that a run starts from. */
export function weightsPath(
  options: Pick<ModelledOptions, "model" | "weights" | "bitPretrainedDir">,
) {
  if (options.weights !== undefined) return options.weights;
  if (options.model === sampleModel) return sampleWeights();
  return modelPath(options.bitPretrainedDir ?? ".", options.model);
}

/** What to load, wherever a later command is started from. */
function datasetSpec(dataset: string): string {
  return DATASET_NAMES.some((name) => name === dataset) ? dataset : resolve(dataset);
}

function resolveResolution(options: FineTuneOptions, dataset: Dataset) {
  const rule = getResolution(dataset.typicalSize);
  // Given one of the two, the other keeps the rule's proportion of 160 to 128 or 512 to 480.
  const crop =
    options.crop ??
    (options.resolution === undefined
      ? rule.crop
      : Math.round((options.resolution * rule.crop) / rule.precrop));
  const precrop = options.resolution ?? Math.round((crop * rule.precrop) / rule.crop);
  if (crop > precrop) {
    throw new UserError(
      "--crop",
      `${crop} is larger than the image it is cut from, ${precrop}`,
      "at most --resolution",
      "leave one of the two out, and it follows the other",
    );
  }
  return { precrop, crop };
}

function nearestDivisor(batch: number, near: number): number {
  let best = 1;
  for (let d = 1; d <= batch; d++)
    if (batch % d === 0 && Math.abs(d - near) < Math.abs(best - near)) best = d;
  return best;
}
