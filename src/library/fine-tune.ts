/** Fine-tuning and evaluation as a program follows them. */
import type { Engine } from "../engine/session.js";
import type {
  EvaluatingEvent,
  FetchEvent,
  FineTuneResult,
  NoteEvent,
  RunEvent,
} from "../record/run-events.js";
import {
  type EvaluateOptions as EvaluateWishes,
  type EvaluationReport,
  evaluateRun,
} from "../run/evaluate-run.js";
import { fetchEvents } from "../run/fetching.js";
import { fineTune as fineTuneOn } from "../run/fine-tune.js";
import { commandOnly, type FineTuneOptions as FineTuneWishes } from "../run/options.js";
import { commandOptions } from "./checks.js";
import { sharedEngine } from "./engine.js";
import { type FollowedRun, follow } from "./followed-run.js";

export type { EvaluateWishes, FineTuneWishes };

/** On what to compute, and what stops it. */
export interface LibraryOptions {
  /** The engine to compute on; by default one that is opened for all of the program. */
  readonly engine?: Engine | undefined;
  /** Stops it. Before the first step, or in an evaluation, its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** What to fine-tune, and on what. What is left out follows the BiT-HyperRule, or the machine. */
export interface FineTuneOptions extends Omit<FineTuneWishes, "device">, LibraryOptions {}

/** What to evaluate, and on what. */
export interface EvaluateOptions extends Omit<EvaluateWishes, "device">, LibraryOptions {}

/** An evaluation is done; the last event. */
export interface EvaluatedEvent {
  readonly type: "done";
  readonly result: EvaluationReport;
}

export type EvaluationEvent = NoteEvent | FetchEvent | EvaluatingEvent | EvaluatedEvent;

/**
 * Fine-tunes as the options say, or goes on with the run of the same name. Once a step is done, a signal
 * or `stop` lets the step under way end, saves, and gives the result so far, without `validation`; the
 * same call goes on with the run.
 *
 * The result's promise rejects with a UserError where the input is at fault; nothing that was there is
 * damaged.
 */
export function fineTune(options: FineTuneOptions): FollowedRun<RunEvent, FineTuneResult> {
  const { engine, signal, ...wishes } = options;
  return follow(async (tell) => {
    commandOptions("train", wishes, {
      without: [...commandOnly, "device"],
      others: [],
    });
    return fineTuneOn(wishes, engine ?? sharedEngine(), tell);
  }, signal);
}

/**
 * Evaluates a run, a checkpoint, an `.npz` or a published model on a dataset. The result's promise rejects
 * with a UserError where model and dataset do not belong together, or cannot be read.
 */
export function evaluate(options: EvaluateOptions): FollowedRun<EvaluationEvent, EvaluationReport> {
  const { engine, signal, ...wishes } = options;
  return follow(async (tell) => {
    commandOptions("eval", wishes, { without: ["json", "device"], others: ["source"] });
    const { event } = tell;
    const result = await evaluateRun(wishes, engine ?? sharedEngine(), {
      ...fetchEvents(tell),
      evaluating: (done, total) => event({ type: "evaluating", done, total }),
    });
    for (const text of result.notes) event({ type: "note", level: "info", text });
    event({ type: "done", result });
    return result;
  }, signal);
}
