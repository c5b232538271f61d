/** A step of ours, measured by `bit-bench`. */

import type { BenchImplementation, BenchMode } from "../../src/bench/task.js";
import { counted } from "../../src/counted.js";
import type { Precision } from "../../src/settings/choices.js";
import { flagWords, reportOf } from "./child.js";
import type { Subject } from "./subject.js";

/** How much a step computes. */
export interface StepSize {
  readonly model: string;
  readonly batch: number;
  /** Pixels of an image's side. */
  readonly resolution: number;
}

/** What `bit-bench` is told. */
export interface StepTask extends StepSize {
  readonly classes: number;
  readonly mode: BenchMode;
  readonly implementation: BenchImplementation;
  readonly precision: Precision;
  readonly steps: number;
  readonly warmup: number;
  /** Threads of an operation; by default as many as there are cores. */
  readonly threads?: number;
  /** Environment variables; an empty one leaves the choice to TensorFlow. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The flags of `bit-bench` for a task. */
export function stepFlags(task: StepTask): string[] {
  const { environment: _, threads: __, ...flags } = task;
  return ["--json", ...flagWords(flags)];
}

/** TensorFlow's own variables: so many threads of an operation, and operations at a time. */
function threadSettings({ threads }: StepTask): Readonly<Record<string, string>> {
  if (threads === undefined) return {};
  return { TF_NUM_INTRAOP_THREADS: `${threads}`, TF_NUM_INTEROP_THREADS: `${threads}` };
}

/** In words, at the end of a title. */
export function threadWords(threads: number | undefined): string {
  return threads === undefined ? "" : `, ${counted(threads, "thread")}`;
}

/**
 * The task as a subject. Tasks that differ in nothing but numbers of steps have the same id.
 * @param script bin/bit-bench.js
 */
export function stepSubject(task: StepTask, script: string, rounds: number): Subject {
  const { implementation, mode, precision, model, batch, resolution, classes, environment } = task;
  const size = `${batch} x ${resolution} px`;
  const settings =
    threadWords(task.threads) + (environment === undefined ? "" : ", TensorFlow's settings");
  const title = `${implementation} ${mode}, ${precision}, ${model}, ${size}${settings}`;
  return {
    id: `${title}, ${classes} classes`,
    title,
    variant: precision,
    rounds,
    bfloat16: precision === "bf16",
    measure: () =>
      reportOf({
        program: process.execPath,
        args: [script, ...stepFlags(task)],
        environment: { ...threadSettings(task), ...environment },
      }),
  };
}
