/** Several runs under the same settings, with a seed each: which they are, and which of them are done. */

import { listCheckpoints } from "../checkpoint/checkpoint-folder.js";
import { counted } from "../counted.js";
import { datasetLoads, type LoadDataset } from "../data/dataset-loads.js";
import { sizeText } from "../disk/size-text.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { durationText } from "../record/duration-text.js";
import { readResult } from "../record/result-file.js";
import { readConfig } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
import { runFolder } from "../record/run-folder.js";
import { type SeedResult, seedRunName } from "../record/seeds-file.js";
import { requireActing } from "../settings/idle-settings.js";
import { type DryPlace, type DryRun, dryRun } from "./dry-run.js";
import { fetchEvents } from "./fetching.js";
import type { Joint } from "./joint-run.js";
import { announceNext } from "./next-run.js";
import type { FineTuneOptions } from "./options.js";
import { defaultName, settleRun } from "./plan-run.js";
import { remainingMs } from "./run-forecast.js";
import { changedSettings, otherSettings } from "./same-run.js";
import { resolveWeights } from "./starting-weights.js";

/** How many runs, and what they share. */
export interface SeedWishes {
  readonly seeds: number;
  /** Train every run on the same few examples of each class; otherwise each draws its own. */
  readonly sameExamples?: boolean | undefined;
}

/** One of several runs. */
export interface SeedRun {
  readonly name: string;
  readonly seed: number;
  readonly options: FineTuneOptions & { readonly name: string };
}

/** Several runs under the same settings. */
export interface SeedRuns {
  /** As `--name` has it, or one that is made of model, dataset and time. */
  readonly name: string;
  readonly logdir: string;
  readonly runs: readonly SeedRun[];
  /** What they are, for people. */
  readonly lines: readonly string[];
}

/**
 * The runs that are asked for: `<name>_seed<seed>`, from `--seed` on. With `--examples_per_class`, its
 * seed goes on with them, so that each run draws its own examples.
 * @throws UserError where the wishes contradict each other
 */
export async function seedRuns(
  wishes: FineTuneOptions,
  { seeds, sameExamples = false }: SeedWishes,
  observer: RunObserver = {},
): Promise<SeedRuns> {
  const { seed: first = 0, logdir = "bit_logs", examplesPerClass } = wishes;
  const { examplesPerClassSeed = 0 } = wishes;
  requireActing("train", { ...wishes, seeds, sameExamples });
  const drawn = examplesPerClass !== undefined && !sameExamples;
  requireNumber(seeds);
  requireSeeds("--seed", first, seeds);
  if (drawn) requireSeeds("--examples_per_class_seed", examplesPerClassSeed, seeds);
  if (wishes.maxMinutes !== undefined)
    throw new UserError(
      "--max_minutes",
      "with --seeds each run would have a length of its own",
      "runs of one length",
      "leave it out, and give --steps: --dry_run --max_minutes says how many fit one run",
    );
  const name = wishes.name ?? defaultName(await resolveWeights(wishes, fetchEvents(observer)));
  // What is wrong with the name is said of this one, not of the first run's.
  runFolder(logdir, name);
  const runs = Array.from({ length: seeds }, (_, i): SeedRun => {
    const seed = first + i;
    const own = drawn ? { examplesPerClassSeed: examplesPerClassSeed + i } : {};
    const runName = seedRunName(name, seed);
    return { name: runName, seed, options: { ...wishes, ...own, name: runName, seed } };
  });
  const names = `${runs[0]!.name} to ${runs.at(-1)!.name}`;
  const lines = [`${counted(seeds, "run")}, one after the other: ${names}`];
  if (examplesPerClass !== undefined)
    lines.push(
      drawn
        ? `Each draws its own ${counted(examplesPerClass, "example")} of each class, by ` +
            `--examples_per_class_seed ${examplesPerClassSeed} to ${examplesPerClassSeed + seeds - 1} ` +
            "(--same_examples: all the same)"
        : `All train on the same ${counted(examplesPerClass, "example")} of each class`,
    );
  return { name, logdir, runs, lines };
}

// More are a seed that was meant for --seed.
const mostSeeds = 1000;

/** @throws UserError where there are more runs than anybody makes */
function requireNumber(seeds: number): void {
  if (seeds <= mostSeeds) return;
  throw new UserError(
    `--seeds ${seeds}`,
    "so many runs, one after the other",
    `at most ${mostSeeds}`,
    `for one run with this seed, type --seed ${seeds}`,
  );
}

/** @throws UserError where the last of the seeds from `first` on is too large */
function requireSeeds(flag: string, first: number, seeds: number): void {
  // Not first + seeds, which may be rounded to what is possible.
  if (first <= Number.MAX_SAFE_INTEGER - (seeds - 1)) return;
  throw new UserError(
    `${flag} ${first}`,
    `the last of ${counted(seeds, "seed")} from there on is too large`,
    `at most ${Number.MAX_SAFE_INTEGER}`,
    `give a smaller ${flag}`,
  );
}

/**
 * What those of the runs came to that are done, as `finishedRun` has it.
 * @param joint where several processes train together; this is rank 0
 * @throws UserError where one was begun under other settings, which is told before any run goes on
 */
export async function finishedRuns(
  runs: readonly SeedRun[],
  engine: Engine,
  joint?: Joint,
): Promise<Map<SeedRun, SeedResult>> {
  const done = new Map<SeedRun, SeedResult>();
  const load = datasetLoads();
  for (const run of runs) {
    const result = await finishedRun(run, { engine, load, joint });
    if (result !== undefined) done.set(run, result);
  }
  return done;
}

/** Where runs are made, and who is told. */
interface SeedPlace {
  readonly engine: Engine;
  /** Loads the dataset: all runs' by one of `datasetLoads`, which looks it over once. */
  readonly load: LoadDataset;
  readonly observer?: RunObserver;
  /** Fetch nothing. */
  readonly dry?: boolean;
  /** Where several processes train together; this is rank 0. */
  readonly joint?: Joint | undefined;
}

/**
 * What one of the runs came to, where it is done under these very settings and on these data; undefined
 * where there is something to do.
 * @throws UserError where it was begun under other settings, which is told before any run goes on
 */
export async function finishedRun(
  { name, seed, options: wishes }: SeedRun,
  { engine, load, observer = {}, dry = false, joint }: SeedPlace,
): Promise<SeedResult | undefined> {
  const folder = runFolder(wishes.logdir ?? "bit_logs", name);
  const known = await readConfig(folder.config);
  if (known === undefined) return undefined;
  const result = await readResult(folder.result);
  const [newest] = await listCheckpoints(folder.checkpoints);
  // It begins anew, or says itself why it does not.
  if (result === undefined && newest === undefined) return undefined;
  const asked = dry ? { ...wishes, offline: true } : wishes;
  const options = await resolveWeights(asked, fetchEvents(observer));
  const place = { name, folder, engine, observer, load, joint };
  const { config } = await settleRun({ ...place, options, dry });
  const changed = changedSettings(known, config);
  if (changed.length > 0 && options.force === true) return undefined;
  if (changed.length > 0) throw otherSettings(folder, changed, known, config);
  if (result === undefined || (newest ?? 0) > result.steps) return undefined;
  const { steps, val_top1: top1, val_top5: top5, val_loss: loss } = result;
  return { name, seed, steps, top1, top5, loss };
}

/** What a dry run of several finds: that of the next one, and what all of them take. */
export interface DrySeeds extends DryRun {
  readonly seeds: readonly {
    readonly name: string;
    readonly seed: number;
    readonly done: number;
  }[];
  /** Of all of them, in milliseconds. */
  readonly remainingMs: number;
}

/**
 * Plans several runs by the next one that is to be made, of which it times steps. Nothing is fetched or written.
 * @param place `joint` and `tell` as `dryRun` has them
 * @throws UserError as the runs would; and where the dataset is still to be fetched
 */
export async function dryRunSeeds(
  { runs, lines }: SeedRuns,
  engine: Engine,
  observer: RunObserver = {},
  { joint, tell }: Pick<DryPlace, "joint" | "tell"> = {},
): Promise<DrySeeds> {
  const states: { readonly run: SeedRun; readonly finished: boolean; readonly done: number }[] = [];
  const load = datasetLoads();
  for (const run of runs) {
    const result = await finishedRun(run, { engine, load, observer, joint, dry: true });
    const { checkpoints } = runFolder(run.options.logdir ?? "bit_logs", run.name);
    const [newest = 0] = await listCheckpoints(checkpoints);
    states.push({ run, finished: result !== undefined, done: result?.steps ?? newest });
  }
  const next = states.find(({ finished }) => !finished) ?? states[0]!;
  if (joint !== undefined) await announceNext(joint.group, { run: states.indexOf(next) });
  const before = [...lines, `Of ${next.run.name}:`];
  for (const line of before) tell?.(line);
  const dry = await dryRun(next.run.options, engine, observer, { load, joint, tell });
  const { config, measured, needs } = dry;
  const times = states.map(({ finished, done }) =>
    finished ? 0 : remainingMs(config, measured, done),
  );
  const total = times.reduce((sum, ms) => sum + ms, 0);
  const isDone = states.filter(({ finished }) => finished).length;
  const done = isDone > 0 ? `, of which ${isDone} ${isDone === 1 ? "is" : "are"} done,` : "";
  const disk =
    needs.diskBytes > 0 ? `, and up to ${sizeText(runs.length * needs.diskBytes)} of disk` : "";
  const inAll = `The ${counted(runs.length, "run")}${done} will take about ${durationText(total)} in all${disk}`;
  tell?.(inAll);
  return {
    ...dry,
    seeds: states.map(({ run, done: steps }) => ({ name: run.name, seed: run.seed, done: steps })),
    remainingMs: total,
    lines: [...before, ...dry.lines, inAll],
  };
}
