/** A whole run: data, weights, training, evaluation, and the files it leaves. */

import { rm } from "node:fs/promises";
import { findCheckpoint, publishFound } from "../checkpoint/find-checkpoint.js";
import { removeLeftovers } from "../checkpoint/keep-checkpoints.js";
import { counted } from "../counted.js";
import type { Dataset } from "../data/dataset.js";
import { datasetLoads } from "../data/dataset-loads.js";
import { describeSelection } from "../data/few-shot.js";
import { tsvLine } from "../data/tsv-line.js";
import { writeFileAtomically } from "../disk/atomic-file.js";
import type { FileLock } from "../disk/file-lock.js";
import { exists } from "../disk/file-reading.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { filesWhile } from "../ranks/pulse.js";
import { writePredictions } from "../record/predictions-table.js";
import type { FineTuneResult, RunObserver } from "../record/run-events.js";
import {
  lockRun,
  makeRunFolder,
  type RunFolder,
  removeEnd,
  runFolder,
} from "../record/run-folder.js";
import { describeBest, describeTimes } from "../record/run-lines.js";
import { RunSinks } from "../record/run-sinks.js";
import { writeJson } from "../record/versioned-json.js";
import { announceRun } from "./agree.js";
import { alreadyDone } from "./already-done.js";
import { describeComputing, describeData, describePlan, needsOf } from "./describe-plan.js";
import { fetchEvents } from "./fetching.js";
import { followRun } from "./follow-run.js";
import { idleInRun } from "./idle-in-run.js";
import type { Joint } from "./joint-run.js";
import type { FineTuneOptions } from "./options.js";
import { defaultName, type Planned, planRun, type RunPlan } from "./plan-run.js";
import { type EndedRun, reportEnd } from "./report-run.js";
import type { Run } from "./run-progress.js";
import { resolveWeights } from "./starting-weights.js";
import { stepsInTime } from "./steps-in-time.js";
import { type Stop, stopAmong, stoppingAll, wishOf } from "./stop-together.js";
import { trainRun, withSmallerParts } from "./train-run.js";

/** How a run of one process, or of several, has ended. */
export interface RunEnding extends FineTuneResult {
  /** Where one of several was asked to stop. */
  readonly stop?: Stop | undefined;
}

/**
 * Fine-tunes as the options say, or goes on with the run of the same name.
 * @param joint where several processes train together, in the midst of `together`: that of rank 0 keeps the files, the
 *   others none
 * @throws UserError where the input is at fault; nothing that was there is damaged
 */
export async function fineTune(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver = {},
  joint?: Joint,
): Promise<RunEnding> {
  const result = await (joint === undefined
    ? fineTuneLocked(wishes, engine, observer)
    : fineTuneTogether(wishes, engine, observer, joint));
  observer.event?.({ type: "done", result });
  return result;
}

/** As one of several processes. */
async function fineTuneTogether(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver,
  joint: Joint,
): Promise<RunEnding> {
  const { group } = joint;
  const result = await (group.rank === 0
    ? fineTuneLocked(wishes, engine, observer, joint)
    : followRun({ wishes, engine, observer, joint }));
  return { ...result, stop: stopAmong(await group.share(wishOf(observer))) };
}

async function fineTuneLocked(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver,
  joint?: Joint,
): Promise<FineTuneResult> {
  const begun = performance.now();
  // Data may be fetched for long; without the others it would be in vain.
  const before = <T>(work: () => Promise<T>) => stoppingAll(joint, observer, work);
  const options = await before(() => resolveWeights(wishes, fetchEvents(observer)));
  const name = options.name ?? defaultName(options);
  const folder = runFolder(options.logdir ?? "bit_logs", name);
  const { event = () => undefined, signal } = observer;
  const note = (text: string) => event({ type: "note", level: "info", text });
  const patience = { note, signal };
  // A new run's folder is made only when its input has been found right.
  const lockThis = () => before(() => lockRun(folder, patience));
  let lock = (await exists(folder.path)) ? await lockThis() : undefined;
  try {
    const planned = { name, folder, options, engine, observer, joint };
    const plan = await before(() => planInTime(planned));
    const best = plan.resumed?.manifest?.best ?? null;
    signal?.throwIfAborted();
    if (joint !== undefined) {
      const announced = { config: plan.config, options, best };
      await before(() => announceRun(joint.group, announced));
    }
    await makeRunFolder(folder);
    if (lock === undefined) {
      lock = await lockThis();
      await refuseBegun(folder);
    }
    const held = joint === undefined ? lock : heldTogether(lock, joint);
    held.requireHeld();
    await removeLeftovers(folder);
    const guard = joint && (() => joint.group.requireTogether());
    const events = new RunSinks(folder, { ...options, guard }, [{ event }]);
    try {
      const run = { options, folder, engine, lock: held, events, observer, joint };
      return await carryOut(plan, run, begun);
    } finally {
      events.close();
    }
  } finally {
    await lock?.release();
  }
}

/** The plan of a run, of whose steps some may have been timed before, on the same dataset. */
async function planInTime(planned: Planned): Promise<RunPlan> {
  const load = datasetLoads();
  const steps = await stepsInTime({ ...planned, load });
  return planRun({ ...planned, load, stepsInTime: steps });
}

/** A process that stood still holds its lock, and yet is no longer one of those that train. */
function heldTogether(lock: FileLock, { group }: Joint): FileLock {
  const requireHeld = () => {
    group.requireTogether();
    lock.requireHeld();
  };
  return { requireHeld, release: () => lock.release() };
}

/** What a plan is carried out with. */
type Means = Pick<Run, "options" | "folder" | "engine" | "lock" | "events" | "observer" | "joint">;

/** Says what the run is, and keeps it in its folder, from which goes what is of another state. */
async function beginFolder(plan: RunPlan, run: Means): Promise<void> {
  const { config, resumed, dataset, notes } = plan;
  const { folder, events } = run;
  events.event({ type: "start", device: run.engine.description, config });
  for (const note of notes) events.warn(note);
  if (run.joint?.remark !== undefined) events.warn(run.joint.remark);
  if (resumed !== undefined) await publishFound(folder, resumed);
  else {
    // Whatever is in them is not this run's.
    await rm(folder.best, { force: true });
    await removeEnd(folder);
  }
  await writeJson(folder.config, config, run.joint && filesWhile(run.joint.group.pulse));
  await writeChoices(folder, dataset);
}

async function carryOut(plan: RunPlan, run: Means, begun: number): Promise<FineTuneResult> {
  const { dataset, data } = plan;
  let { config, resumed } = plan;
  const { folder, events } = run;
  const files = run.joint && filesWhile(run.joint.group.pulse);
  await beginFolder(plan, run);
  // The others of several processes evaluate with rank 0, as they were told.
  const done = run.joint ? undefined : await alreadyDone(plan, folder, run.options);
  if (done !== undefined) {
    events.info(done.line);
    return { ...done.result, seconds: (performance.now() - begun) / 1000 };
  }
  const said = describeData(config, dataset);
  for (const line of said.lines) events.info(line);
  for (const line of said.warnings) events.warn(line);
  const needs = await needsOf(config, run.engine.target, folder.path, run.options.save);
  for (const line of describePlan(config, needs, run.options)) events.info(line);
  for (const line of describeComputing(config, run.engine.target)) events.info(line);
  for (const line of idleInRun({ options: run.options, config, dataset })) events.warn(line);

  const trainTo = async () => {
    for (;;) {
      try {
        return await trainRun({ ...run, config, dataset, data, resumed });
      } catch (error) {
        // The others would have to go back too.
        if (run.joint !== undefined) throw error;
        const smaller = withSmallerParts(error, config, run.engine.target.devices);
        if (smaller === undefined) throw error;
        events.warn(
          `Out of memory with ${counted(config.batch / config.split, "image")} at a time: going on with ` +
            `${smaller.batch / smaller.split}, in ${counted(smaller.split, "part")} a step.`,
        );
        config = smaller;
        await writeJson(folder.config, config);
        resumed = await findCheckpoint(folder, (line) => events.warn(line));
      }
    }
  };
  const { before, best, predictions, ...outcome } = await trainTo();
  const seconds = (performance.now() - begun) / 1000;
  if (best !== undefined) events.info(describeBest(best, run.options.save !== false));
  events.info(describeTimes(outcome.times, 1000 * seconds));
  if (predictions !== undefined) {
    run.lock.requireHeld();
    const { classNames, val } = dataset;
    await writePredictions(folder.predictions, { images: val.images, classNames, predictions });
  }
  if (outcome.validation !== undefined) {
    run.lock.requireHeld();
    const { loss, top1, top5 } = outcome.validation;
    const result = { val_top1: top1, val_top5: top5, val_loss: loss, best };
    await writeJson(folder.result, { ...result, steps: outcome.steps, seconds }, files);
  }
  if (predictions !== undefined && run.options.report !== false && !run.observer.signal?.aborted)
    await reportIfPossible({ ...run, dataset, predictions, resize: config.resize });
  return { folder, config, before, best, ...outcome, seconds };
}

/** The run is done: what goes wrong with its report does not undo that. */
async function reportIfPossible(ended: EndedRun & Pick<Run, "events" | "observer">): Promise<void> {
  try {
    ended.events.info("Making the report");
    const path = await reportEnd({ ...ended, signal: ended.observer.signal });
    ended.events.info(`Report: ${path}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    ended.events.warn(`There is no report: ${why}`);
  }
}

/** Between looking at a new run's folder and locking it, another process may have begun it. */
async function refuseBegun(folder: RunFolder): Promise<void> {
  if (!(await exists(folder.config))) return;
  throw new UserError(
    folder.path,
    "another process has begun this run in the meantime",
    "a run of one process",
    "type the same command again to go on with it, or choose another --name",
  );
}

/** Lists the few examples that were drawn from a training set, and the images that were left out. */
async function writeChoices(folder: RunFolder, dataset: Dataset): Promise<void> {
  if (dataset.selected !== undefined) await writeLines(folder.examples, describeSelection(dataset));
  if (dataset.unreadable === undefined || dataset.unreadable.length === 0) return;
  const skipped = dataset.unreadable.map(({ path, reason }) => tsvLine([path, reason]));
  await writeLines(folder.skipped, skipped);
}

async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  await writeFileAtomically(path, (append) => append(bytes));
}
