/** One attempt at a run: a session with its program, variables from where they are, and training. */
import { NpzReader } from "../archive/npz-reader.js";
import type { Dataset } from "../data/dataset.js";
import { ExampleOrder } from "../data/order.js";
import { type Engine, SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import { parseArchitecture } from "../model/architecture.js";
import { loadArchive, randomValues } from "../step/initial-values.js";
import { availableMemoryBytes, trainMemory } from "../step/memory.js";
import { openTrainProgram, type TrainProgram } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import { assignVariables } from "../step/variables.js";
import type { EvaluationResult } from "../train/evaluate.js";
import { type StepReport, type TrainOutcome, train } from "../train/train.js";
import {
  exists,
  type RunPosition,
  readPosition,
  restoreOptimizer,
  saveCheckpoint,
} from "./checkpoint.js";
import type { FetchConsole } from "./fetching.js";
import type { FineTuneOptions, RunConfig } from "./options.js";
import { computePolicy, inputPolicy } from "./precision.js";
import type { RunFolder } from "./run-folder.js";
import type { LineSink, RunLog } from "./run-log.js";
import { type Suspects, unreadableImage } from "./unreadable-image.js";

/** How a run speaks to whoever started it. All of it is optional but the lines. */
export interface RunConsole extends FetchConsole {
  readonly line: LineSink;
  readonly progress?: (report: StepReport, totalSteps: number, startStep: number) => void;
  readonly evaluating?: (done: number, total: number) => void;
  /** Whether the user asked to stop. */
  readonly interrupted?: () => boolean;
}

export interface Run {
  readonly options: FineTuneOptions;
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly log: RunLog;
  readonly console: RunConsole;
}

/** Trains from the run's checkpoint, or from the start where there is none. */
export async function trainRun(
  run: Run,
): Promise<TrainOutcome & { readonly before: EvaluationResult | undefined }> {
  const { options, folder, config, dataset, engine, log, console } = run;
  const network = {
    architecture: parseArchitecture(config.model),
    classes: dataset.classNames.length,
    remat: config.remat,
    ...computePolicy(engine, config.precision),
  };
  const cache = config.cache ? cacheBytes(config, network) : undefined;
  if (cache !== undefined && dataset.train.images.kind === "files") {
    if (engine.kernels) log.info(`Keeping decoded images, in up to ${(cache / 1e9).toFixed(1)} GB`);
    else log.warn("--cache has no effect: this engine lacks the operations for it (npx bit-setup)");
  }
  const program = await openTrainProgram(engine.open, network, dataset, {
    resolution: config.resolution,
    microBatch: config.batch / config.split,
    split: config.split,
    mixup: config.mixupAlpha !== undefined,
    evalBatch: config.evalBatch,
    workers: config.workers,
    input: { ...inputPolicy(engine), resize: config.resize, cacheBytes: cache },
  });
  let step = 0;
  try {
    const resumed = (await exists(folder.checkpoint)) ? folder : undefined;
    const start = await setVariables(program, config, resumed, log);
    step = start;
    let before: EvaluationResult | undefined;
    const total = config.schedule.at(-1)!;
    const outcome = await train(program, dataset, config, start, {
      step: (report) => {
        step = report.step;
        log.step(report);
        console.progress?.(report, total, start);
      },
      validation: (at, result) => {
        if (at === 0) before = result;
        log.validation(at, result);
      },
      save: async (steps) => {
        if (options.save === false) return;
        const position: RunPosition = { steps, seed: config.seed };
        await saveCheckpoint(folder.checkpoint, program, position);
      },
      interrupted: () => console.interrupted?.() ?? false,
      evaluating: (done, all) => console.evaluating?.(done, all),
    });
    return { ...outcome, before };
  } catch (error) {
    if (error instanceof SessionError && error.outOfMemory) throw error;
    throw (await unreadableImage(error, engine.open, suspects(dataset, config, step))) ?? error;
  } finally {
    program.session.close();
  }
}

// Of the memory that the step leaves free, the images' part; others live on the machine too.
const cacheShare = 0.6;

/** Bytes that decoded images may take beside the training step; none where nothing is left. */
function cacheBytes({ resolution, batch, split }: RunConfig, network: Network): number {
  const { architecture, classes, computeType, remat } = network;
  const plan = { classes, size: resolution.crop, microBatch: batch / split, split };
  const step = trainMemory(architecture, { ...plan, computeType, remat }).total;
  return Math.max(0, Math.floor(cacheShare * (availableMemoryBytes() - step)));
}

/**
 * The configuration with which a run that ran out of memory can go on: fewer images at a time, more
 * parts of a batch, the same mean gradient.
 * @returns undefined where `error` is of another kind
 * @throws UserError where there is one image at a time already
 */
export function withSmallerParts(error: unknown, config: RunConfig): RunConfig | undefined {
  if (!(error instanceof SessionError) || !error.outOfMemory) return undefined;
  const { batch, split, evalBatch, resolution } = config;
  let more = 2 * split;
  while (more < batch && batch % more !== 0) more++;
  if (split >= batch || more > batch)
    throw new UserError(
      config.model,
      `not even one image of ${resolution.crop} x ${resolution.crop} fits the memory`,
      "memory for one image's training step (npx bit-bench --memory tells how much)",
      "give --remat, --precision bf16 or a smaller --crop, or choose a smaller model",
      { cause: error },
    );
  return { ...config, split: more, evalBatch: Math.min(evalBatch, batch / more) };
}

/** Gives the variables their values; returns the number of steps that are done already. */
async function setVariables(
  program: TrainProgram,
  config: RunConfig,
  resumed: RunFolder | undefined,
  log: RunLog,
): Promise<number> {
  const { session, variables } = program;
  await session.run({}, ["train/initialize"]);
  const path = resumed?.checkpoint ?? config.weights;
  if (path === null) {
    log.info("Starting from random weights");
    await assignVariables(session, randomValues(variables, config.seed));
    return 0;
  }
  const archive = await NpzReader.open(path);
  try {
    const fit = { model: config.model, newHead: resumed === undefined };
    await loadArchive(session, archive, variables, fit);
    if (resumed === undefined) {
      log.info(`Fine-tuning from ${path}`);
      return 0;
    }
    await restoreOptimizer(archive, program);
    const position = await readPosition(archive);
    if (position === undefined) throw notOurs(path);
    log.info(`Resumed at step ${position.steps}`);
    return position.steps;
  } finally {
    await archive.close();
  }
}

function notOurs(path: string): UserError {
  return new UserError(
    path,
    "does not say at which step it was written",
    "a checkpoint that bit-train wrote",
    "choose another --name, and start from this file with --weights",
  );
}

// The pipeline is ahead of the step by its buffers: an error may come from a batch not yet due.
const batchesAhead = 6;

/** The images that the engine may have been decoding at a step, the likelier first. */
function suspects(
  { train: { images }, val }: Dataset,
  { seed, batch, trainSize }: RunConfig,
  step: number,
): Suspects[] {
  const inTraining = new ExampleOrder(seed, trainSize).slice(step * batch, batchesAhead * batch);
  return [{ images, indices: inTraining.indices }, { images: val.images }];
}
