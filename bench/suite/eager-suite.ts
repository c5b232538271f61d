/** The traced graph against eager TF.js code, and the table of it. */
import { markdownTable } from "../../src/bench/markdown.js";
import type { BenchMode } from "../../src/bench/task.js";
import type { Missing } from "./report.js";
import type { BenchSizes } from "./sizes.js";
import { type StepTask, stepSubject } from "./step-subject.js";
import type { Findings, Subject } from "./subject.js";
import { type Summary, summarize } from "./summary.js";

interface EagerRow {
  /** How the step is computed, in the table's words. */
  readonly title: string;
  readonly task: StepTask;
}

const targetRatio = 3;
const targetPeakBytes = 3e9;

/** The rows of one mode: traced, then textbook code, which computes in float32 alone. */
function rowsOf(sizes: BenchSizes, mode: BenchMode): EagerRow[] {
  const { model, batch, resolution, classes, eagerSteps } = sizes;
  const steps = mode === "train" ? sizes.trainSteps : sizes.evalSteps;
  const task = { model, batch, resolution, classes, mode, warmup: 1, steps } as const;
  const eager = {
    ...task,
    implementation: "eager-textbook",
    precision: "fp32",
    warmup: 0,
    steps: mode === "train" ? eagerSteps : 2 * eagerSteps,
  } as const;
  // What tfjs-node leaves alone: TensorFlow uses oneDNN by itself only on some processors.
  const untouched = { TF_ENABLE_ONEDNN_OPTS: "" };
  return [
    { title: "graph", task: { ...task, implementation: "graph", precision: "fp32" } },
    { title: "graph", task: { ...task, implementation: "graph", precision: "bf16" } },
    { title: "eager textbook", task: { ...eager, environment: untouched } },
    { title: "eager textbook, graph's settings", task: eager },
  ];
}

function eagerRows(sizes: BenchSizes): EagerRow[] {
  return [...rowsOf(sizes, "train"), ...rowsOf(sizes, "eval")];
}

/** @param script bin/bit-bench.js */
export function eagerSubjects(sizes: BenchSizes, script: string): Subject[] {
  return eagerRows(sizes).map(({ task }) => stepSubject(task, script, sizes.rounds));
}

/** The table, and whether the target is met. Lines without ends. */
export function eagerLines(sizes: BenchSizes, findings: Findings): string[] {
  const rows = eagerRows(sizes).map((row) => {
    const { id } = stepSubject(row.task, "", 1);
    return { ...row, summary: summarize(findings.get(id) ?? []) };
  });
  const cells: string[][] = [];
  const notes: string[] = [];
  for (const { title, task, summary } of rows) {
    const name = `${task.mode}, ${title}`;
    if ("missing" in summary) {
      notes.push(`- ${name}, ${task.precision}: ${summary.missing}`);
      continue;
    }
    const baseline = rows.find((row) => isBaseline(row, task.mode))!.summary;
    cells.push([name, task.precision, ...figures(summary), ratioText(summary, baseline)]);
  }
  const header = ["step", "precision", "img/s", "median ms", "min to max", "IQR", "CPU ms"];
  const { model, batch, resolution } = sizes;
  return [
    `${model}, ${batch} images of ${resolution} x ${resolution}`,
    "",
    ...markdownTable([...header, "peak GB", "times eager"], cells, 2),
    "",
    ...notes,
    ...verdict(rows),
  ];
}

function isBaseline({ title, task }: EagerRow, mode: BenchMode): boolean {
  return task.mode === mode && title === "eager textbook";
}

function figures({ imagesPerSecond, step, cpuMs, peakRssBytes }: Summary): string[] {
  return [
    imagesPerSecond.toFixed(1),
    step.median.toFixed(0),
    `${step.min.toFixed(0)} to ${step.max.toFixed(0)}`,
    step.iqr.toFixed(0),
    (cpuMs ?? 0).toFixed(0),
    (peakRssBytes / 1e9).toFixed(2),
  ];
}

function ratioText(summary: Summary, baseline: Summary | Missing): string {
  if ("missing" in baseline) return "?";
  return (baseline.step.median / summary.step.median).toFixed(2);
}

/** Whether training, graph, fp32 reaches the target against every eager row. */
function verdict(rows: readonly (EagerRow & { summary: Summary | Missing })[]): string[] {
  const train = rows[0]!.summary;
  if ("missing" in train) return [];
  const ratios = rows.flatMap(({ title, task, summary }) => {
    if (task.mode !== "train" || task.implementation === "graph" || "missing" in summary) return [];
    const ratio = summary.step.median / train.step.median;
    const met = ratio >= targetRatio ? "met" : "not met";
    return [
      `- Training is ${ratio.toFixed(2)} times as fast as ${title} (${targetRatio}: ${met}).`,
    ];
  });
  const peak = train.peakRssBytes / 1e9;
  const met = train.peakRssBytes < targetPeakBytes ? "met" : "not met";
  return [...ratios, `- Its peak of memory is ${peak.toFixed(2)} GB (under 3: ${met}).`];
}
