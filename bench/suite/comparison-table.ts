/** The comparison as a table. */

import { markdownTable } from "../../src/bench/markdown.js";
import type { Comparison } from "./comparison.js";
import type { Summary } from "./summary.js";

const shortfalls = '- Why rows fall short of their targets: bench/NOTES.md, "What falls short"';

/** The table, and below it why rows are left out or fall short. Lines without ends. */
export function comparisonLines(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.map((one) => {
    const { what, ours, theirs, against, ratio, target } = one;
    const named = !("missing" in theirs) && theirs.variant !== undefined;
    return [
      what,
      figure(one, ours),
      against,
      figure(one, theirs, true) + (named ? `, ${theirs.variant}` : ""),
      ratio === undefined ? "" : ratio.toFixed(2),
      target === undefined ? "" : `${one.compared === "memory" ? "<=" : ">="} ${target}`,
      outcome(one),
    ];
  });
  const header = ["what", "bit-train", "against PyTorch", "PyTorch", "ratio", "target", "reached"];
  const reasons = comparisons.flatMap(({ ours, theirs }) => {
    return [ours, theirs].flatMap((one) => ("missing" in one ? [one.missing] : []));
  });
  const notes = [...new Set(reasons)].map((reason) => `- ${reason}`);
  if (comparisons.some(({ reached }) => reached === false)) notes.push(shortfalls);
  return [...markdownTable(header, rows, 7), ...(notes.length > 0 ? ["", ...notes] : [])];
}

/** Median and range. Of several processes' peaks, the highest of ours and the lowest of theirs. */
function figure(
  { compared, unit }: Comparison,
  summary: Summary | { readonly missing: string },
  lowest = false,
): string {
  if ("missing" in summary) return summary.missing.replace(/:.*/, "");
  if (compared === "memory") {
    const bytes = lowest ? summary.lowestPeakRssBytes : summary.peakRssBytes;
    return `${(bytes / 1e9).toFixed(2)} GB`;
  }
  const { median, min, max } = summary.step;
  if (unit === "ms") return `${median.toFixed(0)} ms (${min.toFixed(0)} to ${max.toFixed(0)})`;
  if (unit === "s") {
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    return `${seconds(median)} s (${seconds(min)} to ${seconds(max)})`;
  }
  const rate = (ms: number) => ((1000 * summary.batch) / ms).toFixed(0);
  return `${rate(median)} img/s (${rate(max)} to ${rate(min)})`;
}

function outcome(comparison: Comparison): string {
  const { compared, ratio, target, reached } = comparison;
  if (target === undefined) return "no target";
  if (reached === undefined || ratio === undefined) return "not measured";
  if (reached) return "yes";
  const short = Math.abs(ratio / target - 1);
  const percent = `${Math.max(1, Math.round(100 * short))} %`;
  if (compared === "memory") return `no: ${percent} more`;
  return `no: ${percent} short${withinSpread(comparison) ? ", within the spread" : ""}`;
}

/** Whether our fastest step beside their slowest would have reached the target. */
function withinSpread({ ours, theirs, target }: Comparison): boolean {
  if ("missing" in ours || "missing" in theirs || target === undefined) return false;
  const best = theirs.step.max / theirs.batch / (ours.step.min / ours.batch);
  return best >= target;
}
