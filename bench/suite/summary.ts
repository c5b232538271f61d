/** What several processes found of one thing, joined. */

import { type Spread, spreadOf } from "../../src/bench/statistics.js";
import { leastDisturbed } from "./quiet.js";
import type { Missing, Outcome } from "./report.js";

/** The reports of several processes in one. */
export interface Summary {
  /** Milliseconds. */
  readonly step: Spread;
  readonly batch: number;
  /** Batch divided by the median step. */
  readonly imagesPerSecond: number;
  /** Median processor time of a step; undefined where it was not taken. */
  readonly cpuMs: number | undefined;
  /** Part of all cores' time that other programs took, at worst. */
  readonly otherShare: number;
  /** The highest of the processes' peaks and the lowest, 0 where they were not taken. */
  readonly peakRssBytes: number;
  readonly lowestPeakRssBytes: number;
}

/**
 * Joins what several processes found of one thing; says why there is nothing, where none did. Those
 * that other programs disturbed more than the rest are left out.
 */
export function summarize(outcomes: readonly Outcome[]): Summary | Missing {
  const all = outcomes.flatMap((outcome) => ("missing" in outcome ? [] : [outcome]));
  const reports = leastDisturbed(all);
  if (reports.length === 0) {
    const reasons = outcomes.flatMap((outcome) => ("missing" in outcome ? [outcome.missing] : []));
    return { missing: [...new Set(reasons)].join("; ") || "not measured" };
  }
  const step = spreadOf(reports.flatMap(({ steps_ms }) => steps_ms));
  const cpu = reports.flatMap(({ steps_cpu_ms }) => steps_cpu_ms ?? []);
  const peaks = reports.map(({ peak_rss_bytes }) => peak_rss_bytes ?? 0);
  const { batch } = reports[0]!;
  return {
    step,
    batch,
    imagesPerSecond: (1000 * batch) / step.median,
    cpuMs: cpu.length > 0 ? spreadOf(cpu).median : undefined,
    otherShare: Math.max(...reports.map(({ other_cpu_share }) => other_cpu_share ?? 0)),
    peakRssBytes: Math.max(...peaks),
    lowestPeakRssBytes: Math.min(...peaks),
  };
}
