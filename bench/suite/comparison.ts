/** bit-train beside PyTorch: each row's ratio, and whether it reaches its target. */
import type { Compared, ComparisonRow } from "./comparison-rows.js";
import type { Missing } from "./report.js";
import type { Findings } from "./subject.js";
import { type Summary, summarize } from "./summary.js";

/** One row of the table. */
export interface Comparison {
  readonly what: string;
  readonly compared: Compared;
  readonly unit: ComparisonRow["unit"];
  readonly ours: Summary | Missing;
  readonly against: string;
  /** The one of them that counted, and how it differs from the others. */
  readonly theirs: (Summary & { readonly variant: string | undefined }) | Missing;
  /** Ours / theirs in speed or in memory; undefined where one is missing. */
  readonly ratio: number | undefined;
  readonly target: number | undefined;
  /** Undefined where there is no target or no ratio. */
  readonly reached: boolean | undefined;
}

/** What became of each row. */
export function compare(rows: readonly ComparisonRow[], findings: Findings): Comparison[] {
  return rows.map((row) => judge(row, findings));
}

const longOnly: Missing = { missing: "not measured: type npm run bench -- --against torch --all" };

function judge(row: ComparisonRow, findings: Findings): Comparison {
  const { what, compared, unit, against, target } = row;
  const found = (id: string): Summary | Missing => {
    const outcomes = findings.get(id);
    return outcomes === undefined && row.long ? longOnly : summarize(outcomes ?? []);
  };
  const ours = found(row.ours.id);
  const candidates = row.theirs.map(({ id, variant }) => ({ variant, ...found(id) }));
  const theirs = chosen(row, candidates);
  const base = { what, compared, unit, ours, against, theirs, target };
  if ("missing" in ours || "missing" in theirs)
    return { ...base, ratio: undefined, reached: undefined };
  const ratio =
    compared === "memory"
      ? ours.peakRssBytes / theirs.lowestPeakRssBytes
      : ours.imagesPerSecond / theirs.imagesPerSecond;
  if (target === undefined) return { ...base, ratio, reached: undefined };
  return { ...base, ratio, reached: compared === "memory" ? ratio <= target : ratio >= target };
}

type Candidate = (Summary | Missing) & { readonly variant: string | undefined };

function chosen({ choice }: ComparisonRow, candidates: readonly Candidate[]): Comparison["theirs"] {
  const there = candidates.flatMap((one) => ("missing" in one ? [] : [one]));
  const cost = (one: Summary) => {
    return choice === "leanest" ? one.lowestPeakRssBytes : 1 / one.imagesPerSecond;
  };
  const [least] = there.sort((a, b) => cost(a) - cost(b));
  if (least !== undefined) return least;
  const reasons = candidates.flatMap((one) => ("missing" in one ? [one.missing] : []));
  return { missing: reasons[0] ?? "not measured: type npm run bench -- --against torch" };
}
