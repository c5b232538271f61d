/** A whole run: data, weights, training, evaluation, and the files it leaves. */
import { availableParallelism } from "node:os";
import { NpzReader } from "../archive/npz-reader.js";
import type { Dataset } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { ExampleOrder } from "../data/order.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { archiveValues, randomValues } from "../step/initial-values.js";
import { openTrainProgram, type TrainProgram } from "../step/program.js";
import { assignVariables } from "../step/variables.js";
import type { EvaluationResult } from "../train/evaluate.js";
import { type StepReport, train } from "../train/train.js";
import {
  exists,
  type RunPosition,
  readPosition,
  restoreOptimizer,
  saveCheckpoint,
} from "./checkpoint.js";
import { type FineTuneOptions, type RunConfig, resolveConfig } from "./options.js";
import { computePolicy, defaultPrecision } from "./precision.js";
import { makeRunFolder, type RunFolder, readJson, runFolder, writeJson } from "./run-folder.js";
import { type LineSink, RunLog } from "./run-log.js";
import { type Suspects, unreadableImage } from "./unreadable-image.js";

/** How a run speaks to whoever started it. All of it is optional but the lines. */
export interface RunConsole {
  readonly line: LineSink;
  readonly progress?: (report: StepReport, totalSteps: number, startStep: number) => void;
  readonly evaluating?: (done: number, total: number) => void;
  /** Whether the user asked to stop. */
  readonly interrupted?: () => boolean;
}

export interface FineTuneResult {
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly steps: number;
  /** The evaluation before the first step, where one was asked for. */
  readonly before: EvaluationResult | undefined;
  /** The final evaluation; undefined where the run was interrupted. */
  readonly validation: EvaluationResult | undefined;
  /** Wall time of this process's part of the run. */
  readonly seconds: number;
}

/**
 * Fine-tunes as the options say, or goes on with the run of the same name.
 * @throws UserError where the input is at fault; nothing that was there is damaged
 */
export async function fineTune(
  options: FineTuneOptions,
  engine: Engine,
  console: RunConsole,
): Promise<FineTuneResult> {
  const begun = performance.now();
  const dataset = await loadDataset({ ...options, seed: options.seed ?? 0 });
  const name = options.name ?? defaultName(options);
  const folder = runFolder(options.logdir ?? "bit_logs", name);
  const earlier = await readJson(folder.config);
  const known = earlier as unknown as RunConfig | undefined;
  const machine = { cores: availableParallelism(), precision: () => defaultPrecision(engine) };
  const config = resolveConfig(name, options, dataset, machine, known);
  const resumes = await exists(folder.checkpoint);
  if (known !== undefined && resumes) checkSameRun(folder, known, config);
  if (!resumes) await checkWeights(config);

  await makeRunFolder(folder);
  await writeJson(folder.config, config);
  const log = new RunLog(folder.path, console.line);
  describe(log, config, dataset);

  const network = {
    architecture: parseArchitecture(config.model),
    classes: dataset.classNames.length,
    ...computePolicy(engine, config.precision),
  };
  const program = await openTrainProgram(engine.open, network, dataset, {
    resolution: config.resolution,
    microBatch: config.batch / config.split,
    split: config.split,
    mixup: config.mixupAlpha !== undefined,
    evalBatch: config.evalBatch,
    workers: config.workers,
  });
  try {
    const start = await setVariables(program, config, resumes ? folder : undefined, log);
    let step = start;
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
    }).catch(async (error: unknown) => {
      throw (await unreadableImage(error, engine.open, suspects(dataset, config, step))) ?? error;
    });
    const seconds = (performance.now() - begun) / 1000;
    if (outcome.validation !== undefined) {
      const { loss, top1, top5 } = outcome.validation;
      await writeJson(folder.result, {
        val_top1: top1,
        val_top5: top5,
        val_loss: loss,
        steps: outcome.steps,
        seconds,
      });
    }
    return { folder, config, before, ...outcome, seconds };
  } finally {
    program.session.close();
  }
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
    await assignVariables(session, archiveValues(archive, variables, fit));
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

/** `cifar10_BiT-M-R50x1_20200729-101432`, in local time. */
function defaultName({ dataset, model }: FineTuneOptions): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  const time = local.slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  const data = dataset.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");
  return `${data}_${model}_${time}`;
}

// A run goes on only as what it began as; these may change, and change no result.
const free = new Set(["workers", "datadir", "evalEvery", "evalFirst", "saveEvery", "evalBatch"]);

function checkSameRun(folder: RunFolder, known: RunConfig, config: RunConfig): void {
  const before = known as unknown as Record<string, unknown>;
  const changed = Object.entries(config).filter(([key, value]) => {
    // An archive may have moved; a run that began without one goes on without one.
    if (key === "weights") return (value === null) !== (before[key] === null);
    return !free.has(key) && JSON.stringify(value) !== JSON.stringify(before[key]);
  });
  if (changed.length === 0) return;
  const shown = changed.map(([key, value]) => {
    return `${key} was ${short(before[key])}, is now ${short(value)}`;
  });
  throw new UserError(
    folder.path,
    `holds a run with other settings: ${shown.join("; ")}`,
    "the settings that the run began with",
    "choose another --name, or give the settings of config.json",
  );
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? "none";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Finds out before anything is made or written whether a run can start from its weights. */
async function checkWeights({ weights, model, classNames }: RunConfig): Promise<void> {
  if (weights === null) return;
  if (!(await exists(weights))) {
    throw new UserError(
      weights,
      "there is no such file",
      `the pretrained weights of ${model}`,
      `type: npx bit-download ${model}, or say where they are with --bit_pretrained_dir or --weights`,
    );
  }
  const archive = await NpzReader.open(weights);
  try {
    const specs = variableSpecs(parseArchitecture(model), classNames.length);
    const arrays = archive.names.map((name) => archive.entry(name));
    fitArchive(specs, arrays, { where: weights, model, newHead: true });
  } finally {
    await archive.close();
  }
}

function describe(log: RunLog, config: RunConfig, dataset: Dataset): void {
  const { resolution, schedule, batch, split, mixupAlpha, precision } = config;
  log.info(`Using a training set with ${config.trainSize} images.`);
  log.info(`Using a validation set with ${config.valSize} images.`);
  if (dataset.skipped) log.warn(`Skipped ${dataset.skipped} files that are no images.`);
  const parts = split > 1 ? ` in ${split} parts` : "";
  const mixup = mixupAlpha === undefined ? "no mixup" : `mixup ${mixupAlpha}`;
  log.info(
    `${config.model}, ${dataset.classNames.length} classes, ${precision}: ` +
      `${schedule.at(-1)} steps of ${batch} images${parts}, ` +
      `resized to ${resolution.precrop}, cropped to ${resolution.crop}, ${mixup}`,
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
