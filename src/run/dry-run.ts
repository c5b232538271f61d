/** What a run would do and take, without a file of it: its plan, and the time of a few of its steps. */
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
interface DryPlace {
  /** Loads the dataset; default `loadDataset`. */
  readonly load?: LoadDataset | undefined;
  /** Where several processes are to train together, whose steps are timed: this is rank 0. */
  readonly joint?: Joint | undefined;
}

/**
 * Plans a run, and times three of its steps on its own images. Nothing is fetched or written.
 * @throws UserError as the run itself would; and where the dataset is still to be fetched
 */
export async function dryRun(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver = {},
  { load, joint }: DryPlace = {},
): Promise<DryRun> {
  const options = await resolveWeights({ ...wishes, offline: true }, fetchEvents(observer));
  const name = wishes.name ?? defaultName(options);
  const folder = runFolder(wishes.logdir ?? "bit_logs", name);
  const asked = { ...options, offline: wishes.offline };
  const place = { name, folder, engine, observer, load, joint };
  const plan = await planRun({ ...place, options: asked, dry: true });
  const { dataset, resumed } = plan;
  const planned = { config: plan.config, dataset, engine, observer };
  // Of large images on a slow machine that takes minutes.
  observer.event?.({ type: "note", level: "info", text: "Timing a few steps ..." });
  const fitted = await (joint ? fittingTogether({ ...planned, options, joint }) : fitting(planned));
  const { measured } = fitted;
  const { maxMinutes } = wishes;
  const isTimed = maxMinutes !== undefined && (await lengthOfBegun(wishes, folder)) === undefined;
  const { config, line: limit } = isTimed
    ? limited(fitted.config, measured, maxMinutes)
    : { ...fitted, line: undefined };
  const done = resumed?.manifest?.steps ?? 0;
  // Several processes would evaluate.
  const ended = joint ? undefined : await alreadyDone(plan, folder, wishes);
  const leftMs = ended ? 0 : remainingMs(config, measured, done);
  const forecast = { measured, done };
  const needs = await needsOf(config, engine.target, folder.path, wishes.save);
  const data = describeData(config, dataset);
  const noticedMs = engine.target.device === "CPU" ? noticedOnCpuMs : undefined;
  const [inTrain, inVal] = [dataset.train, dataset.val].map(({ labels }) =>
    classCounts(labels, dataset.classNames.length),
  );
  return {
    config,
    classes: dataset.classNames.map((each, i) => {
      return { name: each, train: inTrain![i]!, val: inVal![i]! };
    }),
    ...{ needs, done, measured, limit, remainingMs: leftMs },
    lines: [
      ...plan.notes,
      ...data.lines,
      ...data.warnings,
      ...(limit === undefined ? [] : [limit]),
      ...describePlan(config, needs, wishes),
      ...describeComputing(config, engine.target),
      ...idleInRun({ options: wishes, config, dataset }),
      ...(resumed && !ended ? [`The run is there, and would go on at step ${done}`] : []),
      ...(ended
        ? [ended.line]
        : describeForecast(config, { ...asked, name: wishes.name }, forecast, noticedMs)),
    ],
  };
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
