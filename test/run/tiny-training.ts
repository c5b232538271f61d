/** A run on made-up pixels, with every setting at hand, for tests of stopping and going on. */
import { readFile } from "node:fs/promises";
import { findCheckpoint } from "../../src/checkpoint/find-checkpoint.js";
import type { Dataset, Split } from "../../src/data/dataset.js";
import type { RunRecordFile } from "../../src/record/run-config.js";
import type { RunObserver, StepEvent } from "../../src/record/run-events.js";
import {
  lockRun,
  makeRunFolder,
  type RunFolder,
  runFolderAt,
} from "../../src/record/run-folder.js";
import { RunSinks } from "../../src/record/run-sinks.js";
import { fingerprintOf, hashesOf } from "../../src/run/data-fingerprint.js";
import type { Run } from "../../src/run/run-progress.js";
import { type RunOutcome, trainRun } from "../../src/run/train-run.js";
import { pattern } from "../cli/tiny-images.js";
import { engine as plainEngine } from "../engine-for-tests.js";
import { observing } from "./observing.js";

const side = 20;
const classNames = ["blue", "green", "red"];

function split(count: number): Split {
  const labels = Int32Array.from({ length: count }, (_, i) => i % classNames.length);
  const pixels = new Uint8Array(count * side * side * 3);
  labels.forEach((label, i) => {
    pixels.set(pattern(label, i, side, side), i * side * side * 3);
  });
  return { images: { kind: "pixels", pixels, height: side, width: side }, labels };
}

export const dataset: Dataset = {
  name: "made",
  classNames,
  train: split(24),
  val: split(12),
  typicalSize: [side, side],
};

export const settings: Omit<RunRecordFile, "data"> = {
  name: "tiny",
  model: "R14x0.5",
  architecture: "R14x0.5",
  weights: null,
  dataset: "made",
  datadir: "/",
  classNames,
  trainSize: 24,
  valSize: 12,
  recipe: "hyperrule",
  badImages: "refuse",
  resize: "pillow",
  examplesPerClass: null,
  examplesPerClassSeed: 0,
  precision: "fp32",
  reduceDtype: "fp32",
  remat: false,
  labelSmoothing: 0,
  freeze: false,
  flip: true,
  cache: false,
  workers: 1,
  keep: 2,
  seed: 0,
  batch: 8,
  split: 1,
  baseLr: 0.001,
  schedule: [4, 8, 12, 16, 20],
  mixupAlpha: undefined,
  resolution: { precrop: 20, crop: 16 },
  evalBatch: 8,
  evalEvery: undefined,
  saveEvery: undefined,
};

/** Another engine than the tests' own, and what a console may have besides. */
interface Surroundings extends Pick<RunObserver, "signal"> {
  readonly engine?: Run["engine"];
  readonly evaluating?: (done: number, total: number) => void;
}

/**
 * Trains in a folder, or goes on there, until so many steps are done.
 * @param stopAt steps after which the run is interrupted
 * @param progress told of each step that is done
 */
export async function trainTiny(
  path: string,
  changes: Partial<RunRecordFile> = {},
  stopAt = Number.POSITIVE_INFINITY,
  progress: (step: number) => void = () => undefined,
  { engine = plainEngine, signal, evaluating }: Surroundings = {},
): Promise<RunOutcome & { readonly folder: RunFolder }> {
  const folder = runFolderAt(path);
  await makeRunFolder(folder);
  const data = await fingerprintOf(dataset);
  const config = { ...settings, data: hashesOf(data), ...changes };
  const lock = await lockRun(folder);
  const resumed = await findCheckpoint(folder);
  let events: RunSinks | undefined;
  let done = resumed?.manifest?.steps ?? 0;
  try {
    const step = (event: StepEvent) => {
      done = event.step + 1;
      progress(done);
    };
    const follower = observing({ step, evaluating });
    const observer = {
      ...follower,
      signal,
      interrupted: () => done >= stopAt,
    };
    const options = { model: config.model, dataset: config.dataset };
    events = new RunSinks(folder, {}, [{ event: follower.event }]);
    events.event({ type: "start", device: engine.description, config });
    const run = { options, folder, config, dataset, data, resumed, engine, lock, events, observer };
    return { ...(await trainRun(run)), folder };
  } finally {
    events?.close();
    await lock.release();
  }
}

/** The rows of metrics.jsonl, without what the clock says. */
export async function metricsOf(path: string): Promise<unknown[]> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  return lines.map((line) => {
    const { time, step_ms, ...row } = JSON.parse(line) as Record<string, unknown>;
    return row;
  });
}
