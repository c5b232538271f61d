/** What a run is about to do, in lines: for its log, and for a dry run. */
import { counted } from "../counted.js";
import type { Dataset, UnreadableImage } from "../data/dataset.js";
import { freeBytesOf } from "../disk/disk-room.js";
import { sizeText, wholeSizeText } from "../disk/size-text.js";
import { describeConvolutions, fusesNormalization, type Target } from "../graph/target.js";
import { parseArchitecture } from "../model/architecture.js";
import { recipeOf } from "../recipe/recipes.js";
import type { RunConfig } from "../record/run-config.js";
import { availableMemoryBytes, headMemory, trainMemory } from "../step/memory.js";
import { headCount, parameterCount } from "../zoo/archive-size.js";
import { describeClasses } from "./describe-classes.js";
import { describeLoss } from "./describe-loss.js";
import type { FineTuneOptions } from "./options.js";
import { computeTypes, inPrecision } from "./precision.js";

/** What a run takes besides time. */
export interface RunNeeds {
  readonly parameters: number;
  /** Of a training step at its peak, of each device. */
  readonly memoryBytes: number;
  /** Of the host, or of each device. */
  readonly freeMemoryBytes: number;
  /** Of the checkpoints that are kept at a time, and one under way; 0 where none is written. */
  readonly diskBytes: number;
  /** Undefined where it is not known. */
  readonly freeDiskBytes: number | undefined;
}

/** @param folder where the run is to be, which need not be there yet */
export async function needsOf(
  config: RunConfig,
  target: Partial<Pick<Target, "deviceMemoryBytes" | "devices" | "native">>,
  folder: string,
  save = true,
): Promise<RunNeeds> {
  const { classNames, resolution, batch, split, precision, remat, keep, evalEvery } = config;
  const { freeze, trainSize, valSize } = config;
  const architecture = parseArchitecture(config.model);
  const classes = classNames.length;
  const { devices = 1, native } = target;
  const computeType = computeTypes[precision];
  const memory = freeze
    ? headMemory(architecture, { classes, examples: trainSize + valSize })
    : trainMemory(architecture, {
        ...{ classes, size: resolution.crop, microBatch: batch / split / devices, split },
        ...{ computeType, remat },
        fusesNormalization: native && fusesNormalization({ native, computeType }),
      });
  const parameters = parameterCount(architecture, classes);
  const trained = freeze ? headCount(architecture, classes) : parameters;
  // The newest, the best where evaluations tell one, and the next one, which is whole before one goes.
  const checkpoints = save ? keep + (evalEvery ? 1 : 0) + 1 : 0;
  return {
    parameters,
    memoryBytes: memory.total,
    freeMemoryBytes: target.deviceMemoryBytes ?? availableMemoryBytes(),
    // Each variable, and the momentum of those that are trained.
    diskBytes: checkpoints * 4 * (parameters + trained),
    freeDiskBytes: await freeBytesOf(folder),
  };
}

/** What is found, and what is odd about it. */
export function describeData(config: RunConfig, dataset: Dataset) {
  const warnings: string[] = [];
  if (dataset.skipped)
    warnings.push(`Skipped ${counted(dataset.skipped, "file")} that are no images.`);
  const { unreadable = [] } = dataset;
  if (unreadable.length > 0) {
    const [{ path, reason }] = unreadable as [UnreadableImage, ...UnreadableImage[]];
    const first = `the first is ${path} (${reason})`;
    warnings.push(
      `Skipped ${counted(unreadable.length, "image")} that cannot be used (skipped.tsv); ${first}`,
    );
  }
  const lines = [
    `Using a training set with ${counted(config.trainSize, "image")}.`,
    `Using a validation set with ${counted(config.valSize, "image")}.`,
    describeClasses(dataset),
    ...describeLoss(config, dataset),
  ];
  return { lines, warnings };
}

/** Model, length, size of images, schedule, and what it takes. */
export function describePlan(
  config: RunConfig,
  needs: RunNeeds,
  options: Pick<FineTuneOptions, "baseLr" | "scaleLr"> = {},
): string[] {
  const { resolution, schedule, batch, split, flip, mixupAlpha, precision, classNames } = config;
  const parts = split > 1 ? ` in ${counted(split, "part")}` : "";
  const mixup = mixupAlpha === undefined ? "no mixup" : `mixup ${mixupAlpha}`;
  const images = config.freeze
    ? `on features of whole images resized to ${resolution.crop}, no augmentation, no mixup`
    : `resized to ${resolution.precrop}, cropped to ${resolution.crop}, ${flip ? "" : "not mirrored, "}${mixup}`;
  return [
    `${config.model}, ${counted(classNames.length, "class", "classes")}, ${precision}: ` +
      `${counted(schedule.at(-1)!, "step")} of ${counted(batch, "image")}${parts}, ${images}`,
    ...describeFrozen(config),
    ...describeRanks(config, needs.parameters),
    describeSchedule(config),
    ...describeRate(config, options),
    describeNeeds(needs),
  ];
}

/**
 * By what the network is computed, where there is a choice.
 * @throws UserError where it is chosen, and is not there
 */
export function describeComputing(
  { precision }: Pick<RunConfig, "precision">,
  target: Target,
): string[] {
  const convolutions = describeConvolutions(inPrecision(target, precision));
  return convolutions === undefined ? [] : [convolutions];
}

/** Which part of the network is trained, where it is not the whole. */
function describeFrozen({ freeze, model, classNames }: RunConfig): string[] {
  if (!freeze) return [];
  const head = headCount(parseArchitecture(model), classNames.length);
  return [
    `Frozen body (--freeze): the head alone is trained, ${head} parameters; each image's features are made once`,
  ];
}

/** How several processes share a batch, and what each sends of its gradients in a step, about. */
function describeRanks(config: RunConfig, parameters: number): string[] {
  const { ranks = 1, batch, reduceDtype, freeze, model, classNames } = config;
  if (ranks === 1) return [];
  const narrow = reduceDtype === "bf16";
  const trained = freeze ? headCount(parseArchitecture(model), classNames.length) : parameters;
  const bytes = (narrow ? 2 : 4) * trained;
  const size = bytes < 1e6 ? wholeSizeText(bytes) : sizeText(bytes);
  const how = narrow ? ", rounded to bfloat16 (--reduce_dtype bf16)" : "";
  return [
    `${ranks} processes share each batch, ${counted(batch / ranks, "image")} each; their gradients meet as ${size}${how}`,
  ];
}

/** `Learning rate 0.003 after 100 steps of warm-up, a tenth of it after steps 200, 300 and 400 each`. */
export function describeSchedule({ baseLr, schedule }: RunConfig): string {
  const [warmup = 0, ...rest] = schedule;
  const total = rest.pop() ?? warmup;
  // Of a very short run, drops may lie at its end.
  const drops = rest.filter((step) => step < total);
  const after = warmup > 0 ? `, after a warm-up of ${counted(warmup, "step")}` : "";
  const fall = drops.length > 0 ? `, then a tenth each after step ${listed(drops)}` : "";
  return `Learning rate ${Number(baseLr.toPrecision(4))}${after}${fall}`;
}

/** What another batch than the recipe's makes of its learning rate, which is one for a step's mean. */
export function describeRate(
  {
    batch,
    recipe: name,
    baseLr,
    freeze,
  }: Pick<RunConfig, "batch" | "recipe" | "baseLr"> & Partial<Pick<RunConfig, "freeze">>,
  { baseLr: asked, scaleLr = false }: Pick<FineTuneOptions, "baseLr" | "scaleLr">,
): string[] {
  const recipe = recipeOf(name);
  const ratio = recipe.batch / batch;
  if (ratio === 1) return [];
  const digits = (value: number) => Number(value.toPrecision(3));
  if (scaleLr)
    return [
      `It is ${digits(baseLr * ratio)} x ${batch}/${recipe.batch}, scaled with the batch (--scale_lr)`,
    ];
  // Who chose a rate chose it for the batch; a head on features is not so particular.
  if (asked !== undefined || freeze) return [];
  return [
    `That rate is the recipe's for ${counted(recipe.batch, "image")} a step: of ${batch}, each image counts ` +
      `${digits(ratio)} times as much; --scale_lr would take ${digits(baseLr / ratio)}`,
  ];
}

function describeNeeds(needs: RunNeeds): string {
  const { parameters, memoryBytes, freeMemoryBytes, diskBytes, freeDiskBytes } = needs;
  const free = freeDiskBytes === undefined ? "" : ` of ${sizeText(freeDiskBytes)} free`;
  const disk = diskBytes > 0 ? `up to ${sizeText(diskBytes)} of disk${free}` : "no checkpoints";
  return (
    `${(parameters / 1e6).toFixed(1)} million parameters; a step takes about ` +
    `${sizeText(memoryBytes)} of memory of ${sizeText(freeMemoryBytes)} free; ${disk}`
  );
}

function listed(steps: readonly number[]): string {
  const last = steps.at(-1)!;
  return steps.length > 1 ? `${steps.slice(0, -1).join(", ")} and ${last}` : String(last);
}
