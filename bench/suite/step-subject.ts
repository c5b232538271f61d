/** A step of ours, measured by `bit-bench`. */

import type { BenchImplementation, BenchMode } from "../../src/bench/task.js";
import type { Precision } from "../../src/settings/choices.js";
import { reportOf } from "./child.js";
import type { Subject } from "./subject.js";

/** What `bit-bench` is told. */
export interface StepTask {
  readonly model: string;
  readonly batch: number;
  readonly resolution: number;
  readonly classes: number;
  readonly mode: BenchMode;
  readonly implementation: BenchImplementation;
  readonly precision: Precision;
  readonly steps: number;
  readonly warmup: number;
  /** Environment variables; an empty one leaves the choice to TensorFlow. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The flags of `bit-bench` for a task. */
export function stepFlags(task: StepTask): string[] {
  const { environment: _, ...flags } = task;
  return ["--json", ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`])];
}

/**
 * The task as a subject. Tasks that differ in nothing but numbers of steps have the same id.
 * @param script bin/bit-bench.js
 */
export function stepSubject(task: StepTask, script: string, rounds: number): Subject {
  const { implementation, mode, precision, model, batch, resolution, classes, environment } = task;
  const size = `${batch} x ${resolution} px`;
  const settings = environment === undefined ? "" : ", TensorFlow's settings";
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
        ...(environment === undefined ? {} : { environment }),
      }),
  };
}
