/** What a run would do and take, without a file of it: its plan, and the time of a few of its steps. */
import type { Dataset } from "../data/dataset.js";
import type { LoadDataset } from "../data/dataset-loads.js";
import type { Engine } from "../engine/session.js";
import { classCounts } from "../recipe/class-weights.js";
import type { RunConfig } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
import { runFolder } from "../record/run-folder.js";
import { announceRun } from "./agree.js";
import { alreadyDone } from "./already-done.js";
import {
  describeComputing,
  describeData,
  describePlan,
  needsOf,
  type RunNeeds,
} from "./describe-plan.js";
import { fetchEvents } from "./fetching.js";
import { idleInRun } from "./idle-in-run.js";
import type { Joint } from "./joint-run.js";
import { type Measured, measureSteps } from "./measure-steps.js";
import type { FineTuneOptions, ModelledOptions } from "./options.js";
import { defaultName, planRun } from "./plan-run.js";
import { describeForecast, type MeasuredTimes, remainingMs } from "./run-forecast.js";
import { resolveWeights } from "./starting-weights.js";
import { lengthOfBegun, limited } from "./time-limit.js";
import { measureTogether } from "./time-together.js";
import { withSmallerParts } from "./train-run.js";

/** What a dry run finds. */
export interface DryRun {
  readonly config: RunConfig;
  readonly classes: readonly {
    readonly name: string;
    readonly train: number;
    readonly val: number;
  }[];
  readonly needs: RunNeeds;
  /** Steps that an earlier part of the run has done. */
  readonly done: number;
  readonly measured: MeasuredTimes;
  /** Steps and evaluations that are left, in milliseconds. */
  readonly remainingMs: number;
  /** Of `--max_minutes`: how many steps fit. */
  readonly limit?: string | undefined;
  /** All of it for people. */
  readonly lines: readonly string[];
}

// On a CPU, what would take less is told even of runs that do not take an hour.
const noticedOnCpuMs = 60_000;

/** Where it is planned. */
export interface DryPlace {
  /** Loads the dataset; default `loadDataset`. */
  readonly load?: LoadDataset | undefined;
  /** Where several processes are to train together, whose steps are timed: this is rank 0. */
  readonly joint?: Joint | undefined;
  /** Is told each of the lines as soon as it is known: the data and the plan before steps are timed. */
  readonly tell?: ((line: string) => void) | undefined;
}

/**
 * Plans a run, tells the plan, and times three of its steps on its own images. Nothing is fetched or written.
 * @throws UserError as the run itself would; and where the dataset is still to be fetched
 */
export async function dryRun(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver = {},
  { load, joint, tell }: DryPlace = {},
): Promise<DryRun> {
  const options = await resolveWeights({ ...wishes, offline: true }, fetchEvents(observer));
  const name = wishes.name ?? defaultName(options);
  const folder = runFolder(wishes.logdir ?? "bit_logs", name);
  const asked = { ...options, offline: wishes.offline };
  const place = { name, folder, engine, observer, load, joint };
  const plan = await planRun({ ...place, options: asked, dry: true });
  const { dataset, resumed } = plan;
  const { maxMinutes } = wishes;
  const isTimed = maxMinutes !== undefined && (await lengthOfBegun(wishes, folder)) === undefined;
  // Several processes would evaluate.
  const ended = joint ? undefined : await alreadyDone(plan, folder, wishes);
  const lines: string[] = [];
  const say = (more: readonly string[]) => {
    lines.push(...more);
    for (const line of more) tell?.(line);
  };
  const data = describeData(plan.config, dataset);
  say([...plan.notes, ...data.lines, ...data.warnings]);
  const needs = (config: RunConfig) => needsOf(config, engine.target, folder.path, wishes.save);
  const planned = { config: plan.config, needs: await needs(plan.config) };
  const planLines = (of: { readonly config: RunConfig; readonly needs: RunNeeds }) => [
    ...describePlan(of.config, of.needs, wishes),
    ...describeComputing(of.config, engine.target),
    ...idleInRun({ options: wishes, config: of.config, dataset }),
  ];
  // How many steps fit a time is known once some are timed.
  if (!isTimed) say(planLines(planned));
  const done = resumed?.manifest?.steps ?? 0;
  if (resumed && !ended) say([`The run is there, and would go on at step ${done}`]);
  // Of large images on a slow machine that takes minutes.
  observer.event?.({ type: "note", level: "info", text: "Timing a few steps ..." });
  const timed = { config: plan.config, dataset, engine, observer };
  const fitted = await (joint ? fittingTogether({ ...timed, options, joint }) : fitting(timed));
  const { measured } = fitted;
  const { config, line: limit } = isTimed
    ? limited(fitted.config, measured, maxMinutes)
    : { ...fitted, line: undefined };
  const found = config === plan.config ? planned : { config, needs: await needs(config) };
  if (limit !== undefined) say([limit]);
  if (isTimed) say(planLines(found));
  else if (found !== planned)
    say(["The memory does not suffice for that; in smaller parts:", ...planLines(found)]);
  const forecast = { measured, done };
  const noticedMs = engine.target.device === "CPU" ? noticedOnCpuMs : undefined;
  const named = { ...asked, name: wishes.name };
  say(ended ? [ended.line] : describeForecast(config, named, forecast, noticedMs));
  return {
    ...{ ...found, classes: classesOf(dataset), done, measured, limit, lines },
    remainingMs: ended ? 0 : remainingMs(config, measured, done),
  };
}

function classesOf({ train, val, classNames }: Dataset): DryRun["classes"] {
  const [inTrain, inVal] = [train, val].map(({ labels }) => classCounts(labels, classNames.length));
  return classNames.map((name, i) => ({ name, train: inTrain![i]!, val: inVal![i]! }));
}

/** Times steps, with as many parts of a batch as fit the memory. */
async function fitting({ config: wanted, dataset, engine, observer }: Measured) {
  for (let config = wanted; ; ) {
    try {
      return { config, measured: await measureSteps({ config, dataset, engine, observer }) };
    } catch (error) {
      const smaller = withSmallerParts(error, config, engine.target.devices);
      if (smaller === undefined) throw error;
      config = smaller;
    }
  }
}

/** The same with the other processes, of whose parts all would have to be smaller. */
async function fittingTogether(
  planned: Measured & { readonly joint: Joint; readonly options: ModelledOptions },
) {
  const { config, options, joint } = planned;
  await announceRun(joint.group, { config, options, best: null, timed: true });
  return { config, measured: await measureTogether(planned) };
}
