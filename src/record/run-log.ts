/** A run's records: `train.log` in the official format, `metrics.jsonl` for programs. */
import { closeSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import { writeFileAtomically } from "../disk/atomic-file.js";
import type { EvaluationResult, StepReport } from "../train/reports.js";
import type { TrainStart, TrainTimes } from "../train/train.js";
import type { BestResult } from "./manifest.js";
import {
  type MetricsRow,
  metricsLine,
  readMetrics,
  stepMetrics,
  validationMetrics,
} from "./metrics.js";
import { runFolderAt } from "./run-folder.js";

/** Where lines for people go besides the log: a terminal, a test, nowhere. */
export type LineSink = (line: string, level: "info" | "warning") => void;

/** `2020-07-29 10:14:32,123`, local time, as Python's logging writes it. */
function timestamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time},${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** `1.8e-05`, as Python's `{:.1e}` writes it. */
export function pythonExponent(value: number): string {
  return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
}

const logFile = "train.log";

/** Opens the records of the run in `folder` and appends to what is there. */
export class RunLog {
  private readonly log: ReturnType<typeof pino.destination>;
  private readonly metrics: string;
  private metricsDescriptor: number;

  /** @param people where lines for people go besides */
  constructor(
    folder: string,
    private readonly people: LineSink,
  ) {
    this.log = pino.destination({ dest: join(folder, logFile), append: true, sync: true });
    this.metrics = runFolderAt(folder).metrics;
    this.metricsDescriptor = openSync(this.metrics, "a");
  }

  /**
   * Takes out of metrics.jsonl what a run did beyond the checkpoint from which it goes on, and does
   * again: each step is there once. train.log keeps all.
   * @param start steps done at the checkpoint, and whether it knows of their evaluation
   */
  async rewind(start: TrainStart): Promise<void> {
    const rows = (await readFile(this.metrics, "utf8")).split(/(?<=\n)/);
    const kept = rows.filter((row) => isBefore(row, start));
    if (kept.length === rows.length) return;
    const bytes = new TextEncoder().encode(kept.join(""));
    await writeFileAtomically(this.metrics, (append) => append(bytes));
    closeSync(this.metricsDescriptor);
    this.metricsDescriptor = openSync(this.metrics, "a");
  }

  /** Closes the files. */
  close(): void {
    this.log.end();
    closeSync(this.metricsDescriptor);
  }

  /** A line for the log and for people. */
  info(message: string): void {
    this.write("INFO", message);
    this.people(message, "info");
  }

  /** A line for the log alone: what people are told by others. */
  note(message: string): void {
    this.write("INFO", message);
  }

  /** A warning for the log and for people. */
  warn(message: string): void {
    this.write("WARN", message);
    this.people(message, "warning");
  }

  /** One step: a line for the log alone, since people are shown progress otherwise. */
  step(report: StepReport): void {
    const { step, loss, lr } = report;
    this.write("INFO", `[step ${step}]: loss=${loss.toFixed(5)} (lr=${pythonExponent(lr)})`);
    this.metric(stepMetrics(report));
  }

  /** An evaluation, for the log alone too. */
  validation(at: number | "end", { loss, top1, top5 }: EvaluationResult): void {
    this.write("INFO", describeValidation(at, { loss, top1, top5 }));
    this.metric(validationMetrics(at, { loss, top1, top5 }));
  }

  /** A line of train.log, in the official format. */
  private write(level: "INFO" | "WARN", message: string): void {
    this.log.write(`${timestamp(new Date())} [${level}] bit_common: ${message}\n`);
  }

  private metric(row: MetricsRow): void {
    writeSync(this.metricsDescriptor, metricsLine(row, new Date()));
  }
}

/** Whether a row of metrics.jsonl tells of what was done at the start. */
function isBefore(line: string, start: TrainStart): boolean {
  // None: the process was killed while it wrote the row.
  const row = readMetrics(line);
  if (row === undefined) return false;
  if ("step" in row) return row.step < start.step;
  const { validation } = row;
  if (validation === "end") return false;
  return validation < start.step || (validation === start.step && start.evaluated);
}

/** Where a run's time went, in milliseconds. */
export interface RunTimes extends Readonly<TrainTimes> {
  /** Freeing the session once all is done. */
  readonly close: number;
}

/** `Time: load 3.1 s, step 60.2 s (95 %), ...`: shares of `totalMs`; load is what is left. */
export function describeTimes(
  { step, eval: evaluation, save, close }: RunTimes,
  totalMs: number,
): string {
  const load = totalMs - step - evaluation - save - close;
  const parts = Object.entries({ load, step, eval: evaluation, save, close }).map(([part, ms]) => {
    return `${part} ${(ms / 1000).toFixed(1)} s (${Math.round((100 * ms) / totalMs)} %)`;
  });
  return `Time: ${parts.join(", ")}`;
}

/**
 * `Best: top1 97.32% after step 400 (best.npz)`.
 * @param saved whether its state was
 */
export function describeBest({ step, top1 }: BestResult, saved: boolean): string {
  return `Best: top1 ${percent(top1)} after step ${step}${saved ? " (best.npz)" : ""}`;
}

/** `Validation@500 loss 0.10801, top1 97.32%, top5 99.90%`, as the official code writes it. */
export function describeValidation(
  at: number | "end",
  result: Omit<EvaluationResult, "count">,
): string {
  return `Validation@${at} ${describeResult(result)}`;
}

/** `loss 0.10801, top1 97.32%, top5 99.90%`, as the official code writes it. */
export function describeResult(result: Omit<EvaluationResult, "count">): string {
  const { loss, top1, top5 } = result;
  return `loss ${loss.toFixed(5)}, top1 ${percent(top1)}, top5 ${percent(top5)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
