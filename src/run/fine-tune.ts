/** A whole run: data, weights, training, evaluation, and the files it leaves. */
import { availableParallelism } from "node:os";
import { writeFileAtomically } from "../archive/atomic-file.js";
import { NpzReader } from "../archive/npz-reader.js";
import type { Dataset, UnreadableImage } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { describeSelection } from "../data/few-shot.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import type { EvaluationResult } from "../train/evaluate.js";
import { exists } from "./checkpoint.js";
import { dataPolicy, fetchMissingModel } from "./fetching.js";
import { type FineTuneOptions, type RunConfig, resolveConfig } from "./options.js";
import { defaultPrecision } from "./precision.js";
import { makeRunFolder, type RunFolder, readJson, runFolder, writeJson } from "./run-folder.js";
import { describeTimes, RunLog } from "./run-log.js";
import { type RunConsole, trainRun, withSmallerParts } from "./train-run.js";

export type { RunConsole } from "./train-run.js";

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
  const cores = availableParallelism();
  const policy = dataPolicy(options, console, engine, options.workers ?? cores);
  const dataset = await loadDataset({ ...options, ...policy, seed: options.seed ?? 0 });
  const name = options.name ?? defaultName(options);
  const folder = runFolder(options.logdir ?? "bit_logs", name);
  const earlier = await readJson(folder.config);
  const known = earlier as unknown as RunConfig | undefined;
  const machine = { cores, precision: () => defaultPrecision(engine) };
  let config = resolveConfig(name, options, dataset, machine, known);
  const resumes = await exists(folder.checkpoint);
  if (known !== undefined && resumes) checkSameRun(folder, known, config);
  if (!resumes) await bringWeights(config, options, console);

  await makeRunFolder(folder);
  await writeJson(folder.config, config);
  await writeChoices(folder, dataset);
  const log = new RunLog(folder.path, console.line);
  describe(log, config, dataset);

  const trainTo = async () => {
    for (;;) {
      try {
        return await trainRun({ options, folder, config, dataset, engine, log, console });
      } catch (error) {
        const smaller = withSmallerParts(error, config);
        if (smaller === undefined) throw error;
        log.warn(
          `Out of memory with ${config.batch / config.split} images at a time: going on with ` +
            `${smaller.batch / smaller.split}, in ${smaller.split} parts a step.`,
        );
        config = smaller;
        await writeJson(folder.config, config);
      }
    }
  };
  const { before, ...outcome } = await trainTo();
  const seconds = (performance.now() - begun) / 1000;
  log.info(describeTimes(outcome.times, 1000 * seconds));
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
}

/** `cifar10_BiT-M-R50x1_20200729-101432`, in local time. */
function defaultName({ dataset, model }: FineTuneOptions): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  const time = local.slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  const data = dataset
    .replace(/[/\\]+$/, "")
    .replace(/^.*[/\\]/, "")
    .replace(/\.csv$|[*?[\]{}]/g, "");
  return `${data}_${model}_${time}`;
}

// A run goes on only as what it began as; these may change, and change no result.
const free = new Set([
  "workers",
  "cache",
  "datadir",
  "evalEvery",
  "evalFirst",
  "saveEvery",
  "evalBatch",
]);

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

/** Lists the few examples that were drawn from a training set, and the images that were left out. */
async function writeChoices(folder: RunFolder, dataset: Dataset): Promise<void> {
  if (dataset.selected !== undefined) await writeLines(folder.examples, describeSelection(dataset));
  if (dataset.unreadable === undefined || dataset.unreadable.length === 0) return;
  const skipped = dataset.unreadable.map(({ path, reason }) => `${path}\t${reason}`);
  await writeLines(folder.skipped, skipped);
}

async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  await writeFileAtomically(path, (append) => append(bytes));
}

/**
 * Finds out before anything is made or written whether a run can start from its weights, which are
 * downloaded where they are missing and published.
 */
async function bringWeights(
  { weights, model, classNames }: RunConfig,
  options: FineTuneOptions,
  console: RunConsole,
): Promise<void> {
  if (weights === null) return;
  if (options.weights === undefined)
    await fetchMissingModel(model, options.bitPretrainedDir ?? ".", options, console);
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
  const { unreadable = [] } = dataset;
  if (unreadable.length > 0) {
    const [{ path, reason }] = unreadable as [UnreadableImage, ...UnreadableImage[]];
    const first = `the first is ${path} (${reason})`;
    log.warn(`Skipped ${unreadable.length} images that cannot be used (skipped.tsv); ${first}`);
  }
  const parts = split > 1 ? ` in ${split} parts` : "";
  const mixup = mixupAlpha === undefined ? "no mixup" : `mixup ${mixupAlpha}`;
  log.info(
    `${config.model}, ${dataset.classNames.length} classes, ${precision}: ` +
      `${schedule.at(-1)} steps of ${batch} images${parts}, ` +
      `resized to ${resolution.precrop}, cropped to ${resolution.crop}, ${mixup}`,
  );
}
