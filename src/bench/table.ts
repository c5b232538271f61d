/** A suite's outcome as text. */
import type { SuiteOutcome } from "./run-suite.js";
import { type RowSummary, type SuiteRow, summarize } from "./suite.js";

type Summary = RowSummary | { readonly missing: string };

const targetRatio = 3;
const targetPeakBytes = 3e9;

/** The table, what it was measured on, and whether the target is met. Lines without ends. */
export function suiteLines({ suite, outcomes, machine }: SuiteOutcome): string[] {
  const summaries = outcomes.map((ofRow) => summarize(suite.batch, ofRow));
  const header = [
    "step",
    "precision",
    "img/s",
    "median ms",
    "min to max",
    "IQR",
    "CPU ms",
    "peak GB",
  ];
  const cells = [[...header, "times eager"]];
  const notes: string[] = [];
  for (const [i, row] of suite.rows.entries()) {
    const summary = summaries[i]!;
    const name = `${row.mode}, ${row.title}`;
    if ("missing" in summary) {
      notes.push(`${name}, ${row.precision}: ${summary.missing}`);
      continue;
    }
    const baseline = summaries[suite.rows.findIndex((other) => isBaseline(other, row.mode))];
    cells.push([name, row.precision, ...figures(summary), ratioText(summary, baseline)]);
  }
  const others = Math.max(...summaries.map((s) => ("missing" in s ? 0 : s.otherShare)));
  const { model, batch, resolution } = suite;
  return [
    `${model}, ${batch} images of ${resolution} x ${resolution}; ` +
      `${outcomes[0]!.length} of ${suite.rounds} rounds`,
    `${machine.engine} on the ${machine.device}; ${machine.cpu}, ${machine.cores} cores`,
    `Other programs took up to ${(100 * others).toFixed(0)} % of all cores meanwhile.`,
    "",
    ...aligned(cells),
    "",
    ...notes,
    ...verdict(suite.rows, summaries),
  ];
}

function isBaseline(row: SuiteRow, mode: SuiteRow["mode"]): boolean {
  return row.mode === mode && row.implementation === "eager-textbook";
}

function figures({ imagesPerSecond, step, cpuMs, peakRssBytes }: RowSummary): string[] {
  return [
    imagesPerSecond.toFixed(1),
    step.median.toFixed(0),
    `${step.min.toFixed(0)} to ${step.max.toFixed(0)}`,
    step.iqr.toFixed(0),
    cpuMs.toFixed(0),
    (peakRssBytes / 1e9).toFixed(2),
  ];
}

function ratioText(summary: RowSummary, baseline: Summary | undefined): string {
  if (baseline === undefined || "missing" in baseline) return "?";
  return (baseline.step.median / summary.step.median).toFixed(2);
}

/** Columns of equal width: the first to the left, numbers to the right. */
function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) => {
    return row
      .map((cell, column) => {
        return column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
      })
      .join("  ")
      .trimEnd();
  });
}

/** Whether training, graph, fp32 reaches the target against every eager row. */
function verdict(rows: readonly SuiteRow[], summaries: readonly Summary[]): string[] {
  const train =
    summaries[rows.findIndex(({ mode, title }) => mode === "train" && title === "graph")];
  if (train === undefined || "missing" in train) return [];
  const ratios = rows.flatMap((row, i) => {
    const eager = summaries[i]!;
    if (!isBaseline(row, "train") || "missing" in eager) return [];
    const ratio = eager.step.median / train.step.median;
    const met = ratio >= targetRatio ? "met" : "not met";
    return [
      `Training is ${ratio.toFixed(2)} times as fast as ${row.title} (${targetRatio}: ${met}).`,
    ];
  });
  const peak = train.peakRssBytes / 1e9;
  const met = train.peakRssBytes < targetPeakBytes ? "met" : "not met";
  return [...ratios, `Its peak of memory is ${peak.toFixed(2)} GB (under 3: ${met}).`];
}
