/** What the files of a run tell of it: settings, curves, results. No engine is needed. */

import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { counted } from "../counted.js";
import { exists, isFolder, readError } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { readResult } from "../record/result-file.js";
import { type KnownConfig, readConfig } from "../record/run-config.js";
import { type RunFolder, runFolderAt } from "../record/run-folder.js";
import { correctRun } from "./near-runs.js";
import type { ReportedRun, Validation } from "./report-data.js";
import { curveOfMetrics, pointsOf, type RunCurve } from "./run-curve.js";
import { type LoggedRun, readTrainLog } from "./train-log.js";

/** A run as its files tell of it. */
export interface ReadRun {
  readonly run: ReportedRun;
  /** Of bit-train's own runs; others have left a log alone. */
  readonly own: { readonly folder: RunFolder; readonly config: KnownConfig } | undefined;
}

const logName = "train.log";

/**
 * Reads a run.
 * @param path a run's folder; or a `train.log`, or a folder that has one, of the official code
 * @throws UserError where there is none, or its files are damaged
 */
export async function readRun(path: string): Promise<ReadRun> {
  const folder = runFolderAt(resolve(path));
  const hasFiles = await isFolder(path);
  const config = hasFiles ? await readConfig(folder.config) : undefined;
  if (config !== undefined) return await readOwn(folder, config);
  const log = hasFiles ? join(path, logName) : path;
  const text = await textOf(log);
  const told = text === undefined ? undefined : readTrainLog(text);
  if (told === undefined || told.curve.done === 0)
    throw new UserError(
      path,
      text === undefined ? "there is no run" : "tells of no steps",
      `a run's folder, or a ${logName} of the official code`,
      await correctRun(path),
    );
  const name = basename(log) === logName ? basename(dirname(resolve(log))) : basename(log);
  return { run: ofLog(name, resolve(log), told), own: undefined };
}

async function textOf(path: string): Promise<string | undefined> {
  if (!(await exists(path))) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw readError(path, error, "name a run's folder, or its log");
  }
}

async function readOwn(folder: RunFolder, config: KnownConfig): Promise<ReadRun> {
  const totalSteps = config.schedule?.at(-1);
  const log = readTrainLog((await textOf(join(folder.path, logName))) ?? "");
  const metrics = await textOf(folder.metrics);
  const plan = { end: totalSteps, batch: config.batch };
  // A log is never shortened, and may tell of steps in digits fewer than the metrics have.
  const curve = metrics === undefined ? log.curve : curveOfMetrics(metrics, plan);
  const end = await readResult(folder.result);
  const final = end && {
    ...{ steps: end.steps, loss: end.val_loss, top1: end.val_top1, top5: end.val_top5 },
  };
  const spent = log.times.reduce((sum, { seconds }) => sum + seconds, 0);
  const run: ReportedRun = {
    name: config.name ?? basename(folder.path),
    path: folder.path,
    model: config.model,
    dataset: config.dataset,
    note: config.note ?? undefined,
    steps: end?.steps ?? curve.done,
    totalSteps,
    trainSize: config.trainSize,
    valSize: config.valSize,
    classes: config.classNames?.length,
    final,
    best: end?.best ?? undefined,
    seconds: spent > 0 ? spent : end?.seconds,
    settings: settingsOf(config),
    curves: pointsOf(curve),
    times: log.times,
    remarks: end === undefined ? [`The run is not done: ${steps(curve, totalSteps)}.`] : [],
  };
  return { run, own: { folder, config } };
}

function steps(curve: RunCurve, total: number | undefined): string {
  return total === undefined
    ? counted(curve.done, "step")
    : `${curve.done} of ${counted(total, "step")}`;
}

/** What is said of a run elsewhere in its report, or means nothing to people. */
const notListed = new Set(["version", "name", "data", "classNames", "note"]);

function settingsOf(config: KnownConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      value === null || value === undefined || notListed.has(key) ? [] : [[key, inWords(value)]],
    ),
  );
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key} ${inWords(one)}`)
    .join(", ");
}

/** The official code's names where bit-train has others. */
const renamed: Readonly<Record<string, string>> = { batch_split: "split" };

function ofLog(name: string, path: string, told: LoggedRun): ReportedRun {
  const { curve, settings, trainSize, valSize, times } = told;
  const { model, dataset } = settings;
  const last = curve.validations.at(-1);
  const final: Validation | undefined = last?.steps === curve.done ? last : undefined;
  const known: Readonly<Record<string, string | number | undefined>> = {
    ...settings,
    ...{ trainSize, valSize },
  };
  const listed = Object.entries(known).flatMap(([key, value]) => {
    if (value === undefined || value === "None" || ["name", "logdir"].includes(key)) return [];
    const camel = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [[renamed[key] ?? camel, String(value)] as const];
  });
  return {
    ...{ name, path, model, dataset, trainSize, valSize, final, times },
    steps: curve.done,
    settings: Object.fromEntries(listed),
    curves: pointsOf(curve),
    remarks: [],
  };
}
