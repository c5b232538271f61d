/** What a run says in lines, as the official code words it where that has the line too. */
import { percentText } from "../evaluators/evaluator.js";
import type { EvaluationResult } from "../train/reports.js";
import type { TrainTimes } from "../train/train.js";
import type { BestResult } from "./manifest.js";

/** `1.8e-05`, as Python's `{:.1e}` writes it. */
export function pythonExponent(value: number): string {
  return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
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
  return `Best: top1 ${percentText(top1)} after step ${step}${saved ? " (best.npz)" : ""}`;
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
  return `loss ${loss.toFixed(5)}, top1 ${percentText(top1)}, top5 ${percentText(top5)}`;
}
