/** Measuring beside other programs: waiting for them, and telling which figures they spoilt. */
import { setTimeout as sleep } from "node:timers/promises";
import { coreTimesMs } from "../../src/bench/step-timing.js";
import type { Outcome, Report } from "./report.js";

/** Part of all cores' time, from 0 to 1, that other programs may take without doing much harm. */
export const quietShare = 0.15;

/**
 * Waits until other programs take at most `quietShare` of all cores, or `limitMs` have gone by.
 * This process itself is to do nothing meanwhile.
 * @returns the milliseconds waited; about one look where it is quiet
 */
export async function waitForQuiet(limitMs: number, lookMs = 500): Promise<number> {
  const begun = performance.now();
  const waited = () => performance.now() - begun;
  while (waited() < limitMs) {
    const before = coreTimesMs();
    await sleep(lookMs);
    const now = coreTimesMs();
    const busy = now.busy - before.busy;
    const total = busy + now.idle - before.idle;
    if (busy <= quietShare * total) break;
  }
  return waited();
}

/** Whether other programs took over `quietShare` beside every one of the reports. */
export function disturbed(outcomes: readonly Outcome[]): boolean {
  return outcomes.length > 0 && outcomes.every((one) => shareOf(one) > quietShare);
}

// Shares that are told in hundredths of a second of a short time are no more exact than this.
const tolerance = 0.1;

/**
 * The reports that count: those beside which other programs took little more than beside the
 * quietest. A program that computes on all cores slows a step by far more than its share.
 */
export function leastDisturbed(reports: readonly Report[]): Report[] {
  const least = Math.min(...reports.map(shareOf));
  return reports.filter((one) => shareOf(one) <= least + tolerance);
}

function shareOf(outcome: Outcome): number {
  return "missing" in outcome ? 0 : (outcome.other_cpu_share ?? 0);
}
