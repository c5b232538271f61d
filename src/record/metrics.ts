/** `metrics.jsonl`: a row of JSON for each step and each evaluation, for programs. */
import { z } from "zod";
import type { EvaluationResult, StepReport } from "../train/reports.js";

const stepRow = z.object({
  /** Number of the step, from 0. */
  step: z.int().nonnegative(),
  /** JSON has no infinity: null. */
  loss: z.number().nullable(),
  lr: z.number().optional(),
  /** Wall time of the step. */
  step_ms: z.number().optional(),
});

const validationRow = z.object({
  /** Steps done before it, or `end`. */
  validation: z.union([z.int().nonnegative(), z.literal("end")]),
  val_loss: z.number(),
  /** Shares, not percent. */
  val_top1: z.number(),
  val_top5: z.number(),
});

const metricsRow = z.union([stepRow, validationRow]);

/** A row as it is read; each is written with the `time`, in ISO 8601, too. */
export type MetricsRow = z.infer<typeof metricsRow>;

/** The row of a step. */
export function stepMetrics({ step, loss, lr, elapsedMs }: StepReport): MetricsRow {
  return { step, loss, lr, step_ms: Math.round(elapsedMs * 10) / 10 };
}

/** The row of an evaluation after `at` steps. */
export function validationMetrics(
  at: number | "end",
  { loss, top1, top5 }: Pick<EvaluationResult, "loss" | "top1" | "top5">,
): MetricsRow {
  return { validation: at, val_loss: loss, val_top1: top1, val_top5: top5 };
}

/** A row's line, with its end. */
export function metricsLine(row: MetricsRow, time: Date): string {
  return `${JSON.stringify({ time: time.toISOString(), ...row })}\n`;
}

/** One line's values; undefined where it holds none, as the last of a killed run may. */
export function readMetrics(line: string): MetricsRow | undefined {
  return metricsRow.safeParse(jsonOf(line)).data;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A row, and when it was written. */
export type TimedMetrics = MetricsRow & { readonly time: Date };

const timeOfRow = z.object({ time: z.iso.datetime() });

/** As `readMetrics`, with the time; undefined too where that is missing. */
export function readTimedMetrics(line: string): TimedMetrics | undefined {
  const value = jsonOf(line);
  const [row, moment] = [metricsRow.safeParse(value).data, timeOfRow.safeParse(value).data];
  return row && moment && { ...row, time: new Date(moment.time) };
}
