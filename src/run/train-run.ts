/** One attempt at a run: a session with its program, variables from where they are, and training. */

import { CheckpointSaver } from "../checkpoint/checkpoint-saver.js";
import { setVariables } from "../checkpoint/starting-state.js";
import { sizeText } from "../disk/size-text.js";
import { SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Predictions } from "../evaluators/predictions.js";
import { fusesNormalization } from "../graph/target.js";
import { residentBytes } from "../input/resident-images.js";
import { parseArchitecture } from "../model/architecture.js";
import { classWeights } from "../recipe/class-weights.js";
import type { BestResult } from "../record/manifest.js";
import { planOf, type RunRecordFile } from "../record/run-config.js";
import { removeEnd } from "../record/run-folder.js";
import type { RunTimes } from "../record/run-lines.js";
import type { RunSinks } from "../record/run-sinks.js";
import { availableMemoryBytes, isSplit, trainMemory } from "../step/memory.js";
import { openHeadProgram, openTrainProgram, type TrainProgram } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import type { EvaluationResult } from "../train/reports.js";
import { type TrainOutcome, train } from "../train/train.js";
import { beginTogether, requireSameBits } from "./agree.js";
import { computing, otherRounding } from "./computed-by.js";
import { type FrozenFeatures, frozenFeatures } from "./frozen-features.js";
import type { Joint } from "./joint-run.js";
import { computeTypes, inPrecision } from "./precision.js";
import { outOfMemoryTogether } from "./rank-choices.js";
import { type Run, RunProgress } from "./run-progress.js";
import { stoppingAll } from "./stop-together.js";
import { tellTrainingImages } from "./training-images.js";

export interface RunOutcome extends TrainOutcome {
  readonly times: RunTimes;
  readonly before: EvaluationResult | undefined;
  readonly best: BestResult | undefined;
  /** Of the final evaluation; undefined where the run, or that evaluation, was interrupted. */
  readonly predictions: Predictions | undefined;
}

/** Trains from the run's checkpoint, or from the start where there is none. */
export async function trainRun(run: Run): Promise<RunOutcome> {
  const { folder, config, dataset, resumed, events, joint, observer } = run;
  const features = config.freeze
    ? await stoppingAll(joint, observer, () => frozenFeatures(run))
    : undefined;
  const program = await stoppingAll(joint, observer, () => openRunProgram(run, features));
  const saver = new CheckpointSaver(folder, program, config, {
    keep: config.keep,
    saved: (steps, path) => events.event({ type: "checkpoint", steps, path }),
    pulse: joint?.group.pulse,
  });
  const progress = new RunProgress(run, saver, program);
  try {
    const was = resumed?.manifest ?? {};
    for (const line of otherRounding(was, computing(run), joint !== undefined)) events.warn(line);
    const begin = async () => {
      const step = await setVariables(program, config, resumed, events);
      // Of a run that goes on they would be those of an earlier state.
      if (step < config.schedule.at(-1)!) await removeEnd(folder);
      return { step, evaluated: (resumed?.manifest?.validation ?? null) !== null };
    };
    const start = joint
      ? await stoppingAll(joint, observer, () => beginTogether(joint, program, begin))
      : await begin();
    await events.begin(start);
    progress.begin(start.step);
    if (run.options.tensorboard !== false) await tellTrainingImages(run, start.step);
    const outcome = await train(program, dataset, planOf(config), start, progress);
    if (joint !== undefined) await requireSameBits(joint.group, program);
    const save = await saver.finish();
    const closing = performance.now();
    program.session.close();
    const close = performance.now() - closing;
    const times = { ...outcome.times, save: outcome.times.save + save.elapsedMs, close };
    const { before, best } = progress;
    const predictions = outcome.validation && progress.predictions;
    return { ...outcome, times, before, best, predictions };
  } catch (error) {
    const tooLarge = joint && outOfMemoryTogether(error, config, joint.group.ranks);
    throw tooLarge ?? (await progress.findCulprit(error)) ?? error;
  } finally {
    if (joint?.group.pulse.stopped) await saver.abandon();
    else await saver.close();
    program.session.close();
  }
}

/**
 * The run's network and data in a session, as its training needs them.
 * @param features what the head alone is trained on, of a run that freezes the body
 */
export async function openRunProgram(
  {
    config,
    dataset,
    engine,
    events,
    joint,
  }: Pick<Run, "config" | "dataset" | "engine" | "joint"> & {
    readonly events: Pick<RunSinks, "info" | "warn">;
  },
  features?: FrozenFeatures,
): Promise<TrainProgram> {
  const network = {
    architecture: parseArchitecture(config.model),
    classes: dataset.classNames.length,
    remat: config.remat,
    target: inPrecision(engine.target, config.precision),
  };
  const options = {
    microBatch: config.batch / config.split,
    split: config.split,
    evalBatch: config.evalBatch,
    wire: computeTypes[config.reduceDtype],
    labelSmoothing: config.labelSmoothing,
    classWeights: classWeights(config.classWeights, dataset.train.labels, network.classes),
  };
  const [open, place] = [joint?.open ?? engine.open, joint?.group];
  if (features !== undefined)
    return openHeadProgram(open, network, features, { ...options, place });
  const cache = config.cache ? await cacheBytes(config, network, joint) : undefined;
  if (cache !== undefined && dataset.train.images.kind === "files") {
    if (engine.target.native.host)
      events.info(`Keeping decoded images, in up to ${(cache / 1e9).toFixed(1)} GB`);
    else
      events.warn("--cache has no effect: this engine lacks the operations for it (npx bit-setup)");
  }
  const program = await openTrainProgram(open, network, dataset, {
    resolution: config.resolution,
    ...options,
    mixup: config.mixupAlpha !== undefined,
    workers: config.workers,
    place,
    input: { resize: config.resize, cacheBytes: cache },
  });
  const isResident = [...program.pipelines.values()].some(({ resident }) => resident);
  const parts = isResident ? [dataset.train, dataset.val] : [];
  const bytes = parts.reduce((sum, part) => sum + residentBytes(part, network.target), 0);
  if (bytes > 0) events.info(`Keeping the images on the device: ${sizeText(bytes)}`);
  return program;
}

// Of the memory that the step leaves free, the images' part; others live on the machine too.
const cacheShare = 0.6;

/**
 * Bytes that decoded images may take beside the training step; none where nothing is left. Of several processes, what
 * the least of them has: their graphs are to be the same.
 */
async function cacheBytes(
  { resolution, batch, split }: RunRecordFile,
  network: Network,
  joint: Joint | undefined,
): Promise<number> {
  const { architecture, classes, target, remat } = network;
  const { computeType } = target;
  const plan = { classes, size: resolution.crop, microBatch: batch / split, split };
  const needs = { ...plan, computeType, remat, fusesNormalization: fusesNormalization(target) };
  const step = trainMemory(architecture, needs).total;
  const free = availableMemoryBytes() / (joint?.localRanks ?? 1) - step;
  const own = Math.max(0, Math.floor(cacheShare * free));
  if (joint === undefined) return own;
  return Math.min(...((await joint.group.share(own)) as readonly number[]));
}

/**
 * The configuration with which a run that ran out of memory can go on: fewer images at a time, more
 * parts of a batch, the same mean gradient.
 * @param devices devices that share each part evenly
 * @returns undefined where `error` is of another kind
 * @throws UserError where there is one image at a time already
 */
export function withSmallerParts(
  error: unknown,
  config: RunRecordFile,
  devices = 1,
): RunRecordFile | undefined {
  if (!(error instanceof SessionError) || !error.outOfMemory) return undefined;
  const { batch, split, evalBatch, resolution } = config;
  let more = 2 * split;
  while (more < batch && !isSplit(batch, more, devices)) more++;
  if (!isSplit(batch, more, devices))
    throw new UserError(
      config.model,
      `not even one image${devices > 1 ? " a device" : ""} of ${resolution.crop} x ${resolution.crop} fits the memory`,
      "memory for one image's training step (npx bit-bench --memory tells how much)",
      "give --remat, --precision bf16 or a smaller --crop, or choose a smaller model",
      { cause: error },
    );
  return { ...config, split: more, evalBatch: Math.min(evalBatch, batch / more) };
}
