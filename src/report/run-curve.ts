/** What each step and each evaluation of a run came to, and points of it for a plot. */
import { readMetrics } from "../record/metrics.js";
import { lossDecay, SmoothedMean } from "../record/smoothed-mean.js";
import type { ReportCurves, Validation } from "./report-data.js";

/** A step of training. */
export interface CurveStep {
  /** From 0. */
  readonly step: number;
  /** Undefined where it was not finite. */
  readonly loss: number | undefined;
  readonly lr: number | undefined;
  /** Wall time in milliseconds. */
  readonly elapsedMs: number | undefined;
}

/** A run's steps and evaluations in their order, each once. */
export class RunCurve {
  readonly steps: CurveStep[] = [];
  readonly validations: Validation[] = [];

  /** Adds a step. What was there of it and of later ones was given up, and is made again. */
  addStep(one: CurveStep): void {
    while ((this.steps.at(-1)?.step ?? -1) >= one.step) this.steps.pop();
    while ((this.validations.at(-1)?.steps ?? 0) > one.step) this.validations.pop();
    this.steps.push(one);
  }

  /** Adds an evaluation, which replaces another after as many steps. */
  addValidation(one: Validation): void {
    while ((this.validations.at(-1)?.steps ?? -1) >= one.steps) this.validations.pop();
    this.validations.push(one);
  }

  /** Steps done. */
  get done(): number {
    return Math.max((this.steps.at(-1)?.step ?? -1) + 1, this.validations.at(-1)?.steps ?? 0);
  }
}

/**
 * The curve of a run's `metrics.jsonl`.
 * @param end steps of the whole run, where its last evaluation is; default: as many as are there
 */
export function curveOfMetrics(text: string, end?: number): RunCurve {
  const curve = new RunCurve();
  for (const line of text.split("\n")) {
    const row = readMetrics(line);
    if (row === undefined) continue;
    if ("step" in row) {
      const { step, loss, lr, step_ms: elapsedMs } = row;
      curve.addStep({ step, loss: loss ?? undefined, lr, elapsedMs });
    } else {
      const { validation, val_loss: loss, val_top1: top1, val_top5: top5 } = row;
      const steps = validation === "end" ? (end ?? curve.done) : validation;
      curve.addValidation({ steps, loss, top1, top5 });
    }
  }
  return curve;
}

/** A plot is hardly 1,000 pixels wide, and a report of several runs is to stay small. */
const mostPoints = 1000;

/**
 * Points of a curve: of as many steps each as it takes for at most 1,000.
 * @param batch images a step, where that is known
 */
export function pointsOf(
  { steps, validations }: RunCurve,
  batch: number | undefined,
): ReportCurves {
  const stride = Math.max(1, Math.ceil(steps.length / mostPoints));
  const groups = Array.from({ length: Math.ceil(steps.length / stride) }, (_, i) =>
    steps.slice(i * stride, (i + 1) * stride),
  );
  const mean = new SmoothedMean(lossDecay);
  const smoothed = groups.map((group) => {
    let last = Number.NaN;
    for (const { loss = Number.NaN } of group) last = mean.next(loss);
    return Number.isNaN(last) ? null : rounded(last);
  });
  const means = (of: (step: CurveStep) => number | undefined) => {
    return groups.map((group) => rounded(meanOf(group.map(of))));
  };
  const milliseconds = groups.map((group) => meanOf(group.map(({ elapsedMs }) => elapsedMs)));
  return {
    stride,
    steps: groups.map((group) => group[0]!.step),
    loss: means(({ loss }) => loss),
    smoothed,
    lr: means(({ lr }) => lr),
    imagesPerSecond: milliseconds.map((ms) => {
      return batch === undefined || !ms ? null : rounded((1000 * batch) / ms);
    }),
    validations,
  };
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Five digits: more than a plot shows. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(5));
}
