/** How long a run will take, by its first steps. */
import { counted } from "../counted.js";
import { durationText } from "../record/duration-text.js";
import type { RunConfig } from "../record/run-config.js";
import { lighterCommand, lighterSettings } from "./lighter-settings.js";
import type { ModelledOptions } from "./options.js";

/** Steps that are timed; the one before them compiles, and fills the pipeline. */
export const timedSteps = 3;

/** What was measured, in milliseconds. */
export interface MeasuredTimes {
  readonly stepMs: number;
  /** Steps by which it was measured. */
  readonly steps: number;
  /** Of one evaluation of the held-out images; undefined: a forward pass counts a third of a step's. */
  readonly evaluationMs?: number | undefined;
  /** Of the features of all images, made before the first step; undefined: there are none to make. */
  readonly featuresMs?: number | undefined;
}

/**
 * What is left of a run, in milliseconds: its steps and evaluations.
 * @param done steps that are done
 */
export function remainingMs(config: RunConfig, measured: MeasuredTimes, done = 0): number {
  const { schedule, valSize, batch, evalEvery } = config;
  const { stepMs, evaluationMs = (stepMs / 3) * (valSize / batch), featuresMs = 0 } = measured;
  const total = schedule.at(-1)!;
  const left = Math.max(0, total - done);
  const before = (steps: number) => (evalEvery ? Math.floor(Math.max(0, steps) / evalEvery) : 0);
  // The one at the end is always made.
  const evaluations = 1 + Math.max(0, before(total - 1) - before(done));
  return featuresMs + left * stepMs + evaluations * evaluationMs;
}

/** `0.041 s`, `128 s` */
export function secondsText(ms: number): string {
  return `${ms < 10_000 ? (ms / 1000).toPrecision(2) : (ms / 1000).toFixed(0)} s`;
}

/**
 * `500 steps will take about 17 h 48 min (128 s each, by 3 timed steps), evaluations included`; with a frozen
 * body, `..., after 12 s for the features of all images, unless these are kept`.
 */
export function describeDuration(config: RunConfig, measured: MeasuredTimes, done = 0): string {
  const left = Math.max(0, config.schedule.at(-1)! - done);
  const { featuresMs } = measured;
  const totalMs = remainingMs(config, measured, done) - (featuresMs ?? 0);
  const total = totalMs < 1000 ? secondsText(totalMs) : durationText(totalMs);
  const steps = counted(left, done > 0 ? "more step" : "step");
  const by = `by ${counted(measured.steps, "timed step")}`;
  const features =
    featuresMs === undefined
      ? ""
      : `, after about ${durationText(featuresMs)} for the features of all images, unless these are kept`;
  return `${steps} will take about ${total} (${secondsText(measured.stepMs)} each, ${by}), evaluations included${features}`;
}

// Above this, a run's log says what would take less.
const longMs = 3_600_000;

/** How far a run is, and by what its end is foreseen. */
export interface Forecast {
  readonly measured: MeasuredTimes;
  /** Steps that are done. */
  readonly done: number;
}

/**
 * The duration in a line; where that is over an hour, a second one with a command that takes a tenth.
 * @param noticedMs from when on the second is there; default: an hour
 */
export function describeForecast(
  config: RunConfig,
  options: ModelledOptions,
  { measured, done }: Forecast,
  noticedMs = longMs,
): string[] {
  const lines = [describeDuration(config, measured, done)];
  if (remainingMs(config, measured, done) <= noticedMs) return lines;
  const lighter = lighterSettings(config, options.weights !== undefined);
  const percent = Math.max(1, Math.round(100 * lighter.share));
  const command = lighterCommand(options, lighter);
  return [...lines, `For a first look in about ${percent} % of that, type:   ${command}`];
}

/** Times a run's first steps. */
export class FirstSteps {
  private readonly elapsedMs: number[] = [];

  /** @returns what was measured, once: with the last of the timed steps */
  add(elapsedMs: number): MeasuredTimes | undefined {
    if (this.elapsedMs.length > timedSteps) return undefined;
    this.elapsedMs.push(elapsedMs);
    return this.elapsedMs.length > timedSteps ? measuredBy(this.elapsedMs) : undefined;
  }
}

/** @param elapsedMs of each step from the first on, at least two, of which the first does not count */
export function measuredBy(elapsedMs: readonly number[]): MeasuredTimes {
  const timed = elapsedMs.slice(1);
  return { stepMs: timed.reduce((a, b) => a + b, 0) / timed.length, steps: timed.length };
}
