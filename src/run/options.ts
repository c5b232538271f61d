/** What a user may ask of a run, and what it comes to: every choice resolved before step 0. */

import { resolve } from "node:path";
import { counted } from "../counted.js";
import type { Dataset } from "../data/dataset.js";
import { isDatasetName } from "../data/known-datasets.js";
import { UserError } from "../errors.js";
import { fusesNormalization, type Target } from "../graph/target.js";
import { residentBytes } from "../input/resident-images.js";
import { type Architecture, parseArchitecture } from "../model/architecture.js";
import { getMixupAlpha, getResolution, scaleSchedule } from "../recipe/hyperrule.js";
import { type Recipe, recipeOf } from "../recipe/recipes.js";
import type { KnownConfig, RunConfig } from "../record/run-config.js";
import type { Precision } from "../settings/choices.js";
import { requireActing } from "../settings/idle-settings.js";
import type { Options } from "../settings/table.js";
import { recordedSettings } from "../settings/values.js";
import { availableMemoryBytes, fittingSplit, isSplit } from "../step/memory.js";
import { modelPath } from "../zoo/models.js";
import { computeTypes } from "./precision.js";
import { checkRanks, frozenOnGpus, unevenParts, unevenRun } from "./rank-choices.js";
import { sampleModel, sampleWeights } from "./sample-model.js";

/** Settings of `bit-train` that are no run's own: where others come from, what is printed, how many runs and processes. */
export const commandOnly = [
  ...(["config", "json", "dryRun", "seeds", "sameExamples"] as const),
  ...(["interface", "allowPublicAddress"] as const),
] as const;

/**
 * A user's wishes: the settings of `bit-train` under the same names. What is left out follows the
 * BiT-HyperRule, or the machine.
 */
export interface FineTuneOptions extends Omit<Options<"train">, (typeof commandOnly)[number]> {}

/** Options of which the model is known, and `weights` are an archive. */
export type ModelledOptions = FineTuneOptions & { readonly model: string };

/** Where missing files are fetched from. */
export type FetchPolicy = Pick<Options<"train">, "offline" | "baseUrl" | "dataUrl" | "trustMirror">;

// What the step may take of the memory that is free; the rest is for images, weights and others.
const memoryShare = 0.6;
// The same of a device's own, where images are not made.
const deviceMemoryShare = 0.9;

/** What a run's plan depends on besides its wishes. */
export interface Machine {
  readonly cores: number;
  /** What is computed in where nobody chose it. */
  readonly precision: () => Precision;
  /** Default: one device, with the host's memory. */
  readonly target?: Partial<Pick<Target, "deviceMemoryBytes" | "devices" | "native">> | undefined;
  /** With `--max_minutes`: the steps that fit; default: the recipe's. */
  readonly stepsInTime?: number | undefined;
  /** Processes that train together; default: 1. */
  readonly ranks?: number | undefined;
  /** How many of them share this machine's memory; default: 1. */
  readonly localRanks?: number | undefined;
}

/**
 * Resolves a user's wishes for a dataset.
 * @param known the plan of an earlier part of the run, whose split and precision a resumed run keeps
 * @throws UserError where they contradict each other
 */
export function resolveConfig(
  name: string,
  options: ModelledOptions,
  dataset: Dataset,
  machine: Machine,
  known?: Pick<KnownConfig, "split" | "precision">,
): RunConfig {
  const architecture = parseArchitecture(options.model);
  const trainSize = dataset.train.labels.length;
  const recorded = recordedSettings(options);
  const recipe = recipeOf(recorded.recipe);
  const batch = options.batch ?? recipe.batch;
  const { freeze } = recorded;
  requireActing("train", options);
  const resolution = resolveResolution(options, dataset);
  const precision = options.precision ?? known?.precision ?? machine.precision();
  const computeType = computeTypes[precision];
  const { native } = machine.target ?? {};
  const needs = {
    ...{ classes: dataset.classNames.length, size: resolution.crop, computeType },
    remat: recorded.remat,
    fusesNormalization: native && fusesNormalization({ native, computeType }),
  };
  const split = splitOf({ options, dataset, machine, known, batch }, architecture, needs);
  const rule = recipe.schedule(trainSize);
  const steps = lengthOf(options, trainSize, batch) ?? machine.stepsInTime;
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
    ...recorded,
    examplesPerClass: recorded.examplesPerClass ?? null,
    batch,
    split,
    baseLr: rateOf(options, recipe, batch),
    schedule: steps === undefined ? rule : scaleSchedule(rule, steps),
    mixupAlpha: freeze ? undefined : getMixupAlpha(trainSize),
    resolution,
    evalBatch: Math.min(batch / split, dataset.val.labels.length),
    precision,
    ...((machine.ranks ?? 1) > 1 && { ranks: machine.ranks }),
    workers: options.workers ?? machine.cores,
  };
}

/** What decides in how many parts a batch is computed. */
interface Splitting {
  readonly options: ModelledOptions;
  readonly dataset: Dataset;
  readonly machine: Machine;
  readonly known: Pick<KnownConfig, "split"> | undefined;
  readonly batch: number;
}

/**
 * In how many parts a batch is computed, by all processes together.
 * @throws UserError where it cannot be divided so
 */
function splitOf(
  { options, dataset, machine, known, batch }: Splitting,
  architecture: Architecture,
  needs: Parameters<typeof fittingSplit>[1],
): number {
  const { ranks = 1 } = machine;
  checkRanks(ranks, batch, options);
  const { devices = 1, deviceMemoryBytes } = machine.target ?? {};
  if (options.freeze && ranks > 1 && deviceMemoryBytes !== undefined) throw frozenOnGpus(ranks);
  // A run that had to take smaller parts than it was told to goes on with them.
  const { batchSplit = 1 } = options;
  const forced = known?.split !== undefined && known.split % batchSplit === 0;
  const fitting = () => {
    const budget = budgetBytes(machine, dataset);
    return ranks * fittingSplit(architecture, { ...needs, devices }, batch / ranks, budget);
  };
  const split =
    (forced ? known.split : options.batchSplit) ??
    // Of features, a batch is small.
    (options.freeze ? ranks : undefined) ??
    fitting();
  if (split > batch || batch % split !== 0) {
    throw new UserError(
      "--batch_split",
      `${split} does not divide a batch of ${batch}`,
      "a divisor of --batch",
      `type for example --batch_split ${nearestSplit(batch, split, ranks)}`,
    );
  }
  if (!isSplit(batch, split, devices)) throw indivisible(batch, split, devices);
  if (split % ranks !== 0) {
    const instead = nearestSplit(batch, split, ranks);
    throw forced ? unevenRun(split, ranks, instead) : unevenParts(split, ranks, instead);
  }
  return split;
}

/**
 * The steps that are asked for; undefined: as the recipe has it.
 * @throws UserError where they are asked for in two ways
 */
function lengthOf(
  { steps, epochs, maxMinutes }: Pick<FineTuneOptions, "steps" | "epochs" | "maxMinutes">,
  trainSize: number,
  batch: number,
): number | undefined {
  if (maxMinutes !== undefined && (steps ?? epochs) !== undefined)
    throw new UserError(
      `--max_minutes ${maxMinutes}`,
      `and ${steps === undefined ? `${counted(epochs!, "epoch")} by --epochs` : `${counted(steps, "step")} by --steps`}`,
      "the length of training in one of the two",
      "leave one of them out",
    );
  if (epochs === undefined) return steps;
  // Every image at least so often; what a double lacks of a whole number is no step.
  const asked = Math.max(1, Math.ceil((epochs * trainSize) / batch - 1e-9));
  if (steps === undefined) return asked;
  throw new UserError(
    "--epochs",
    `${counted(epochs, "epoch")}, and ${counted(steps, "step")} by --steps`,
    "the length of training in one of the two",
    `leave out --steps (${counted(epochs, "epoch")} ${epochs === 1 ? "is" : "are"} ${counted(asked, "step")} of ${counted(batch, "image")}), or --epochs`,
  );
}

/** The learning rate after warm-up: the one that is asked for or the recipe's, scaled where that is asked for. */
function rateOf(
  { baseLr, scaleLr = false, freeze }: Pick<FineTuneOptions, "baseLr" | "scaleLr" | "freeze">,
  recipe: Recipe,
  batch: number,
): number {
  const rate = baseLr ?? (freeze ? recipe.headLr : recipe.baseLr);
  return scaleLr ? (rate * batch) / recipe.batch : rate;
}

/** Bytes that a training step may take of one device's memory, besides images that lie there. */
function budgetBytes({ target = {}, localRanks = 1 }: Machine, { train, val }: Dataset): number {
  const { deviceMemoryBytes = Number.POSITIVE_INFINITY, devices = 1 } = target;
  const images = residentBytes(train, target) + residentBytes(val, target);
  if (Number.isFinite(deviceMemoryBytes)) return deviceMemoryShare * deviceMemoryBytes - images;
  return (memoryShare * availableMemoryBytes()) / devices / localRanks;
}

/** What is to be done where devices cannot share a batch evenly. */
export function indivisible(batch: number, split: number, devices: number): UserError {
  const each = split * devices;
  const near = [Math.floor(batch / each) * each, Math.ceil(batch / each) * each];
  let fewer = devices - 1;
  while (!isSplit(batch, split, fewer)) fewer--;
  return new UserError(
    "--batch",
    `${counted(batch, "image")}${split > 1 ? ` in ${counted(split, "part")}` : ""} cannot be shared evenly by ${devices} devices`,
    `a multiple of ${each}`,
    `type --batch ${near.filter((size) => size > 0).join(" or ")}, or compute on ` +
      `${fewer === 1 ? "one device" : `${fewer} devices`} (--device)`,
  );
}

/** The archive that a run starts from, whether or not it is there. */
export function weightsPath(
  options: Pick<ModelledOptions, "model" | "weights" | "bitPretrainedDir">,
): string {
  if (options.weights !== undefined) return options.weights;
  if (options.model === sampleModel) return sampleWeights();
  return modelPath(options.bitPretrainedDir ?? ".", options.model);
}

/** What to load, wherever a later command is started from. */
function datasetSpec(dataset: string): string {
  return isDatasetName(dataset) ? dataset : resolve(dataset);
}

function resolveResolution(options: FineTuneOptions, dataset: Dataset) {
  const rule = getResolution(dataset.typicalSize);
  // Given one of the two, the other keeps the rule's proportion of 160 to 128 or 512 to 480.
  const crop =
    options.crop ??
    (options.resolution === undefined
      ? rule.crop
      : Math.round((options.resolution * rule.crop) / rule.precrop));
  // Features are of whole images, as an evaluation sees them.
  if (options.freeze === true) return { precrop: crop, crop };
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

/** Parts near those that were asked for, in which `ranks` processes can share a batch that they can share. */
function nearestSplit(batch: number, near: number, ranks: number): number {
  let best = ranks;
  for (let parts = ranks; parts <= batch; parts += ranks)
    if (batch % parts === 0 && Math.abs(parts - near) <= Math.abs(best - near)) best = parts;
  return best;
}
