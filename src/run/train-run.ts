/** One attempt at a run: a session with its program, variables from where they are, and training. */

import { CheckpointSaver } from "../checkpoint/checkpoint-saver.js";
import type { FoundCheckpoint } from "../checkpoint/find-checkpoint.js";
import { setVariables } from "../checkpoint/starting-state.js";
import type { Dataset } from "../data/dataset.js";
import { ExampleOrder } from "../data/order.js";
import type { FileLock } from "../disk/file-lock.js";
import { type Engine, SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import { parseArchitecture } from "../model/architecture.js";
import type { BestResult, DataFingerprint } from "../record/manifest.js";
import { planOf, type RunRecordFile } from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import type { RunLog, RunTimes } from "../record/run-log.js";
import { availableMemoryBytes, isSplit, trainMemory } from "../step/memory.js";
import { openTrainProgram } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import type { EvaluationResult } from "../train/evaluate.js";
import { type TrainOutcome, train } from "../train/train.js";
import type { FineTuneOptions } from "./options.js";
import { inPrecision } from "./precision.js";
import type { RunObserver } from "./run-events.js";
import { configurationHash } from "./same-run.js";
import { type Suspects, unreadableImage } from "./unreadable-image.js";

export interface Run {
  readonly options: FineTuneOptions;
  readonly folder: RunFolder;
  readonly config: RunRecordFile;
  readonly dataset: Dataset;
  readonly data: DataFingerprint;
  /** Where to go on; undefined where the run begins. */
  readonly resumed: FoundCheckpoint | undefined;
  readonly engine: Engine;
  /** On the folder. */
  readonly lock: FileLock;
  readonly log: RunLog;
  readonly observer: RunObserver;
}

export interface RunOutcome extends TrainOutcome {
  readonly times: RunTimes;
  readonly before: EvaluationResult | undefined;
  readonly best: BestResult | undefined;
}

/** Trains from the run's checkpoint, or from the start where there is none. */
export async function trainRun(run: Run): Promise<RunOutcome> {
  const { options, folder, config, dataset, data, resumed, engine, lock, log, observer } = run;
  const network = {
    architecture: parseArchitecture(config.model),
    classes: dataset.classNames.length,
    remat: config.remat,
    target: inPrecision(engine.target, config.precision),
  };
  const cache = config.cache ? cacheBytes(config, network) : undefined;
  if (cache !== undefined && dataset.train.images.kind === "files") {
    if (engine.target.native.host)
      log.info(`Keeping decoded images, in up to ${(cache / 1e9).toFixed(1)} GB`);
    else log.warn("--cache has no effect: this engine lacks the operations for it (npx bit-setup)");
  }
  const program = await openTrainProgram(engine.open, network, dataset, {
    resolution: config.resolution,
    microBatch: config.batch / config.split,
    split: config.split,
    mixup: config.mixupAlpha !== undefined,
    evalBatch: config.evalBatch,
    workers: config.workers,
    input: { resize: config.resize, cacheBytes: cache },
  });
  const saver = new CheckpointSaver(folder, program, config, {
    keep: config.keep,
    saved: (steps, path) => observer.event?.({ type: "checkpoint", steps, path }),
  });
  let step = 0;
  // Only an image: it stops a step before the step changes anything.
  let culprit: UserError | undefined;
  const findCulprit = async (error: unknown) => {
    if (error instanceof SessionError && error.outOfMemory) return undefined;
    const among = suspects(dataset, config, step);
    // Other images are other data, with which a run goes on only where that is meant.
    const otherwise =
      "leave it out and go on from the last checkpoint: type the same command with " +
      `--name ${config.name} --bad_images skip --force`;
    culprit ??= await unreadableImage(error, engine, among, otherwise);
    return culprit;
  };
  try {
    const start = {
      step: await setVariables(program, config, resumed, log),
      evaluated: (resumed?.manifest?.validation ?? null) !== null,
    };
    await log.rewind(start);
    step = start.step;
    let savedAt = start.step;
    let before: EvaluationResult | undefined;
    let best = resumed?.manifest?.best ?? undefined;
    const total = config.schedule.at(-1)!;
    const outcome = await train(program, dataset, planOf(config), start, {
      step: (report) => {
        step = report.step;
        log.step(report);
        observer.event?.({ type: "step", ...report, totalSteps: total, startStep: start.step });
        saver.check();
      },
      validation: (at, result) => {
        log.validation(at, result);
        observer.event?.({ type: "validation", at, ...result });
        const steps = at === "end" ? Math.max(total, start.step) : at;
        if (steps === 0) before = result;
        // What was too bad to be saved is not the best, whatever the evaluation says.
        if (steps === 0 || steps !== savedAt) return;
        if (best === undefined || result.top1 > best.top1)
          best = { step: steps, top1: result.top1 };
        if (options.save === false) return;
        lock.requireHeld();
        saver.note(steps, result, best);
      },
      save: async (steps) => {
        savedAt = steps;
        if (options.save === false) return;
        lock.requireHeld();
        await saver.save({
          steps,
          seed: config.seed,
          examplesSeen: steps * config.batch,
          validation: null,
          best: best ?? null,
          configuration: configurationHash(config),
          data,
        });
      },
      changedNothing: async (error) => (await findCulprit(error)) !== undefined,
      interrupted: () => observer.interrupted?.() ?? false,
      signal: observer.signal,
      evaluating: (done, all) => observer.event?.({ type: "evaluating", done, total: all }),
    });
    const save = await saver.finish();
    const closing = performance.now();
    program.session.close();
    const close = performance.now() - closing;
    const times = { ...outcome.times, save: outcome.times.save + save.elapsedMs, close };
    return { ...outcome, times, before, best };
  } catch (error) {
    throw (await findCulprit(error)) ?? error;
  } finally {
    await saver.close();
    program.session.close();
  }
}

// Of the memory that the step leaves free, the images' part; others live on the machine too.
const cacheShare = 0.6;

/** Bytes that decoded images may take beside the training step; none where nothing is left. */
function cacheBytes({ resolution, batch, split }: RunRecordFile, network: Network): number {
  const { architecture, classes, target, remat } = network;
  const { computeType } = target;
  const plan = { classes, size: resolution.crop, microBatch: batch / split, split };
  const step = trainMemory(architecture, { ...plan, computeType, remat }).total;
  return Math.max(0, Math.floor(cacheShare * (availableMemoryBytes() - step)));
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

// The pipeline is ahead of the step by its buffers: an error may come from a batch not yet due.
const batchesAhead = 6;

/** The images that the engine may have been decoding at a step, the likelier first. */
function suspects(
  { train: { images }, val }: Dataset,
  { seed, batch, trainSize }: RunRecordFile,
  step: number,
): Suspects[] {
  const inTraining = new ExampleOrder(seed, trainSize).slice(step * batch, batchesAhead * batch);
  return [{ images, indices: inTraining.indices }, { images: val.images }];
}
