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
  /** Images of it. */
  readonly batch: number | undefined;
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
 * @param plan steps of the whole run, where its last evaluation is (default: as many as are there), and images
 *   a step
 */
export function curveOfMetrics(
  text: string,
  { end, batch }: { readonly end?: number | undefined; readonly batch?: number | undefined },
): RunCurve {
  const curve = new RunCurve();
  for (const line of text.split("\n")) {
    const row = readMetrics(line);
    if (row === undefined) continue;
    if ("step" in row) {
      const { step, loss, lr, step_ms: elapsedMs } = row;
      curve.addStep({ step, loss: loss ?? undefined, lr, elapsedMs, batch });
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

/** Points of a curve: of as many steps each as it takes for at most 1,000. */
export function pointsOf({ steps, validations }: RunCurve): ReportCurves {
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
  return {
    stride,
    steps: groups.map((group) => group[0]!.step),
    loss: means(({ loss }) => loss),
    smoothed,
    lr: means(({ lr }) => lr),
    imagesPerSecond: groups.map((group) => rounded(speedOf(group))),
    validations,
  };
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Images a second, of the steps of which that is known. */
function speedOf(steps: readonly CurveStep[]): number | undefined {
  let [images, milliseconds] = [0, 0];
  for (const { batch, elapsedMs } of steps) {
    if (batch === undefined || elapsedMs === undefined) continue;
    images += batch;
    milliseconds += elapsedMs;
  }
  return milliseconds > 0 ? (1000 * images) / milliseconds : undefined;
}

/** Five digits: more than a plot shows. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(5));
}
