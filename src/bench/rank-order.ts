/** What the processes of a reduction that is measured are told, and what they tell. */
import type { WireType } from "../graph/collectives.js";
import type { RankSettings } from "../ranks/rank-sources.js";
import type { StepTimes } from "./step-timing.js";
import type { BenchTask } from "./task.js";

/** What every process is to do, with all the others. */
export interface RankOrder {
  readonly settings: RankSettings;
  readonly work: ReductionWork | TrainWork;
  /** Timed repetitions, at least 1, after some that are not timed. */
  readonly steps: number;
  readonly warmup: number;
}

/** Reductions alone. */
export interface ReductionWork {
  readonly type: "reduce";
  /** Of the float32 arrays that are there in each process. They are reduced as gradients are. */
  readonly shapes: readonly (readonly number[])[];
  /** Reductions of as many numbers as there are processes, which are timed too. */
  readonly small: number;
  /** What they are sent as. */
  readonly wire: WireType;
}

/** Whole training steps. */
export interface TrainWork {
  readonly type: "train";
  readonly model: string;
  readonly task: Omit<BenchTask, "architecture">;
  /** What gradients are sent as. */
  readonly wire: WireType;
}

/** What one process measured. */
export interface RankMeasurement {
  /** By what was timed. */
  readonly times: Readonly<Record<string, StepTimes>>;
  /** Reductions that the arrays, or a step, took. */
  readonly reductions: number;
}

/** What one process tells: what it measured, or why it did not. */
export type RankReport =
  | { readonly type: "measured"; readonly measurement: RankMeasurement }
  | { readonly type: "failed"; readonly message: string }
  /** A UserError's arguments. */
  | { readonly type: "mistake"; readonly said: readonly [string, string, string, string] };
