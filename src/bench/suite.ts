/** What `npm run bench` compares: rows, each measured by processes of its own. */
import type { Precision } from "../run/options.js";
import type { BenchReport } from "./measure.js";
import { type Spread, spreadOf } from "./statistics.js";
import type { BenchImplementation, BenchMode } from "./task.js";

/** One row of the table. */
export interface SuiteRow {
  /** How the step is computed, in the table's words. */
  readonly title: string;
  readonly mode: BenchMode;
  readonly implementation: BenchImplementation;
  readonly precision: Precision;
  /** Timed steps a round; fewer where a step is slow. */
  readonly steps: number;
  readonly warmup: number;
  /** Environment variables that this row sets; an empty one leaves the choice to TensorFlow. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Suite {
  readonly model: string;
  readonly batch: number;
  readonly resolution: number;
  readonly rows: readonly SuiteRow[];
  /** How often all rows are measured in turn, so that a slow minute of the machine meets all. */
  readonly rounds: number;
  /** No further round begins that would probably end later than this after the start. */
  readonly limitMs: number;
}

/**
 * The task for which the target is set: training R50x1 on batches of 32 images of 128 x 128 pixels
 * at least 3 times as fast as eager textbook code, at under 3 GB.
 */
export const fullSuite: Suite = {
  model: "R50x1",
  batch: 32,
  resolution: 128,
  rounds: 2,
  limitMs: 340_000,
  rows: suiteRows(6, 2),
};

/** A tiny model and few steps: shows that everything runs, not how fast. */
export const quickSuite: Suite = {
  model: "R14x0.5",
  batch: 2,
  resolution: 32,
  rounds: 1,
  limitMs: 60_000,
  rows: suiteRows(2, 1),
};

function suiteRows(graphSteps: number, eagerSteps: number): SuiteRow[] {
  const graph = { implementation: "graph", warmup: 1, environment: {} } as const;
  const eager = {
    implementation: "eager-textbook",
    precision: "fp32",
    warmup: 0,
    // What tfjs-node leaves alone: TensorFlow uses oneDNN by itself only on some processors.
    environment: { TF_ENABLE_ONEDNN_OPTS: "" },
  } as const;
  const alike = { ...eager, environment: {} };
  const train = { mode: "train", steps: graphSteps } as const;
  const evaluate = { mode: "eval", steps: 2 * graphSteps } as const;
  return [
    { title: "graph", ...graph, ...train, precision: "fp32" },
    { title: "graph", ...graph, ...train, precision: "bf16" },
    { title: "eager textbook", ...eager, ...train, steps: eagerSteps },
    { title: "eager textbook, graph's settings", ...alike, ...train, steps: eagerSteps },
    { title: "graph", ...graph, ...evaluate, precision: "fp32" },
    { title: "graph", ...graph, ...evaluate, precision: "bf16" },
    { title: "eager textbook", ...eager, ...evaluate, steps: 2 * eagerSteps },
    { title: "eager textbook, graph's settings", ...alike, ...evaluate, steps: 2 * eagerSteps },
  ];
}

/** The flags of `bit-bench` for a row. */
export function rowFlags(suite: Suite, row: SuiteRow): string[] {
  const { model, batch, resolution } = suite;
  const { mode, implementation, precision, steps, warmup } = row;
  const flags = { model, batch, resolution, mode, implementation, precision, steps, warmup };
  return ["--json", ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`])];
}

/** What came of a row in one round: a report, or why there is none. */
export type RowOutcome = BenchReport | { readonly missing: string };

/** A row's reports of all rounds in one. */
export interface RowSummary {
  readonly step: Spread;
  /** Batch divided by the median step. */
  readonly imagesPerSecond: number;
  /** Median processor time of a step. */
  readonly cpuMs: number;
  /** Part of all cores' time that other programs took, at worst. */
  readonly otherShare: number;
  readonly peakRssBytes: number;
}

/** Joins what the rounds found of one row; why there is nothing, where none found anything. */
export function summarize(
  batch: number,
  outcomes: readonly RowOutcome[],
): RowSummary | { readonly missing: string } {
  const reports = outcomes.flatMap((outcome) => ("missing" in outcome ? [] : [outcome]));
  if (reports.length === 0)
    return { missing: outcomes.map((outcome) => "missing" in outcome && outcome.missing).join() };
  const step = spreadOf(reports.flatMap(({ steps_ms }) => steps_ms));
  return {
    step,
    imagesPerSecond: (1000 * batch) / step.median,
    cpuMs: spreadOf(reports.flatMap(({ steps_cpu_ms }) => steps_cpu_ms)).median,
    otherShare: Math.max(...reports.map(({ other_cpu_share }) => other_cpu_share)),
    peakRssBytes: Math.max(...reports.map(({ peak_rss_bytes }) => peak_rss_bytes)),
  };
}
