/** How the cost of a training step grows with the batch, the images and the model. */

import { sizeOf } from "../../src/archive/shape.js";
import { markdownTable } from "../../src/bench/markdown.js";
import { parseArchitecture, unitSpecs, variableSpecs } from "../../src/model/architecture.js";
import { fitLine } from "./linear-fit.js";
import type { BenchSizes } from "./sizes.js";
import { type StepTask, stepSubject } from "./step-subject.js";
import type { Findings, Subject } from "./subject.js";
import { summarize } from "./summary.js";

interface GrowthRow {
  readonly label: string;
  /** What the cost is fitted against. */
  readonly x: number;
  readonly task: StepTask;
}

interface GrowthTable {
  readonly title: string;
  /** What x counts, as a column's head and as one of it. */
  readonly counted: string;
  readonly one: string;
  readonly rows: readonly GrowthRow[];
}

function growthTables(sizes: BenchSizes): GrowthTable[] {
  const { model, resolution, classes, growth } = sizes;
  const common: StepTask = {
    ...{ model, resolution, classes, batch: growth.batch, steps: growth.steps, warmup: 0 },
    ...{ mode: "train", implementation: "graph", precision: "fp32" },
  };
  return [
    {
      title: `Batch: ${model}, ${resolution} x ${resolution} pixels`,
      counted: "images",
      one: "image",
      rows: growth.batches.map((batch) => {
        return { label: `batch ${batch}`, x: batch, task: { ...common, batch } };
      }),
    },
    {
      title: `Image size: ${model}, batch ${growth.batch}`,
      counted: "megapixels",
      one: "megapixel of an image's area",
      rows: growth.resolutions.map((side) => {
        const task = { ...common, resolution: side };
        return { label: `${side} x ${side}`, x: side ** 2 / 1e6, task };
      }),
    },
    {
      title: `Model: batch ${growth.batch}, ${resolution} x ${resolution} pixels`,
      counted: "10^9 products",
      one: "10^9 products of an image's forward pass",
      rows: growth.models.map((name) => {
        const x = products(name, resolution, classes) / 1e9;
        return { label: name, x, task: { ...common, model: name } };
      }),
    },
  ];
}

/** Products of two numbers that one image's forward pass needs, in convolutions and the head. */
export function products(model: string, resolution: number, classes: number): number {
  const architecture = parseArchitecture(model);
  const strides = new Map(unitSpecs(architecture).map(({ path, stride }) => [path, stride]));
  // Kernels come in the order of the forward pass. The root and the pool after it halve each side.
  let side = Math.ceil(resolution / 2);
  let total = 0;
  for (const { name, shape } of variableSpecs(architecture, classes)) {
    if (shape.length !== 4) continue;
    const path = /^(.*)\/[abc]\/(proj\/)?standardized_conv2d\/kernel$/.exec(name);
    const strided = path !== null && strides.get(path[1]!) === 2;
    if (strided && name.includes("/b/")) side = Math.ceil(side / 2);
    const projection = strided && path[2] !== undefined;
    const outputs = name.includes("/head/") ? 1 : projection ? Math.ceil(side / 2) ** 2 : side ** 2;
    total += outputs * sizeOf(shape);
    if (name.includes("/root_block/")) side = Math.ceil(side / 2);
  }
  return total;
}

/** @param script bin/bit-bench.js */
export function growthSubjects(sizes: BenchSizes, script: string): Subject[] {
  const tasks = growthTables(sizes).flatMap(({ rows }) => rows.map(({ task }) => task));
  return tasks.map((task) => stepSubject(task, script, 1));
}

/** The tables with a line fitted to each. Lines without ends. */
export function growthLines(sizes: BenchSizes, findings: Findings): string[] {
  return growthTables(sizes).flatMap((table) => ["", ...tableLines(table, findings)]);
}

function tableLines({ title, counted, one, rows }: GrowthTable, findings: Findings): string[] {
  const cells: string[][] = [];
  const notes: string[] = [];
  const times: [number, number][] = [];
  const peaks: [number, number][] = [];
  for (const { label, x, task } of rows) {
    const summary = summarize(findings.get(stepSubject(task, "", 1).id) ?? []);
    if ("missing" in summary) {
      notes.push(`- ${label}: ${summary.missing}`);
      continue;
    }
    const { step, peakRssBytes } = summary;
    times.push([x, step.median]);
    peaks.push([x, peakRssBytes / 1e6]);
    cells.push([
      label,
      significant(x),
      step.median.toFixed(0),
      `${step.min.toFixed(0)} to ${step.max.toFixed(0)}`,
      (peakRssBytes / 1e9).toFixed(2),
    ]);
  }
  return [
    `### ${title}`,
    "",
    ...markdownTable(["", counted, "median ms", "min to max", "peak GB"], cells, 1),
    "",
    ...notes,
    fitText("A step takes", times, "ms", one),
    fitText("The peak of memory is", peaks, "MB", one),
  ];
}

function fitText(what: string, points: [number, number][], of: string, one: string): string {
  if (new Set(points.map(([x]) => x)).size < 2) return `- ${what}: too few points for a line`;
  const { constant, slope, largestDeviation } = fitLine(points);
  const percent = (100 * largestDeviation).toFixed(0);
  return (
    `- ${what} ${significant(constant)} ${of} ${slope < 0 ? "-" : "+"} ` +
    `${significant(Math.abs(slope))} ${of} for each ${one}, ` +
    `off by at most ${percent} %.`
  );
}

/** Three significant digits, never as an exponent. */
function significant(value: number): string {
  if (Math.abs(value) >= 100 || value === 0 || Number.isInteger(value)) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
