/** One's own runs beside what is published of the same, as tables. */

import { readFile } from "node:fs/promises";
import { counted } from "../counted.js";
import { type MeanAndDeviation, meanAndDeviation } from "../evaluators/deviation.js";
import { readResult } from "../record/result-file.js";
import { type KnownConfig, readConfig } from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import { compareTopOne, type ExpectedResult } from "../report/expected-results.js";
import { compareCurves, type PublishedRun } from "../report/published-runs.js";
import { curveOfMetrics, type RunCurve } from "../report/run-curve.js";
import { inColumns } from "./columns.js";

/** A run of one's own, as far as it has come. */
export interface ReproducedRun {
  readonly config: KnownConfig;
  readonly curve: RunCurve;
  /** At its end: a share. */
  readonly top1: number | undefined;
}

/** Reads those of the runs that have begun. */
export async function reproducedRuns(folders: readonly RunFolder[]): Promise<ReproducedRun[]> {
  const runs: ReproducedRun[] = [];
  for (const folder of folders) {
    const config = await readConfig(folder.config);
    if (config === undefined) continue;
    const metrics = await readFile(folder.metrics, "utf8").catch(() => "");
    const curve = curveOfMetrics(metrics, { end: config.schedule?.at(-1) });
    runs.push({ config, curve, top1: (await readResult(folder.result))?.val_top1 });
  }
  return runs;
}

/** `what`, as in `this run` or `mean of 3`. */
function ownTitle(runs: number): string {
  return runs === 1 ? "this run" : `mean of ${runs}`;
}

function signed(difference: number, text: (value: number) => string): string {
  return `${difference < 0 ? "-" : "+"}${text(Math.abs(difference))}`;
}

/** A published curve's figures beside those that all of one's own runs have come to. */
export function curveTable(published: PublishedRun, runs: readonly ReproducedRun[]): string {
  const rows = runs.map(({ curve }) => compareCurves(published, curve));
  const [first = []] = rows;
  const reached = first.flatMap(({ what, published: theirs }, i) => {
    const values = rows.flatMap((own) => own[i]!.own ?? []);
    return values.length < runs.length
      ? []
      : [{ what, theirs, own: meanAndDeviation(values), digits: what.endsWith("%") ? 2 : 5 }];
  });
  const head = [`${published.model} on ${published.dataset}`, "published", ownTitle(runs.length)];
  const cells = reached.map(({ what, theirs, own, digits }) => {
    const text = (value: number) => value.toFixed(digits);
    return [
      ...[what, text(theirs), text(own.mean), ...deviationCell(own, text)],
      signed(own.mean - theirs, text),
    ];
  });
  const extra = runs.length > 1 ? ["deviation"] : [];
  const lines = inColumns([[...head, ...extra, "difference"], ...cells], [1, 2, 3, 4]);
  const left = first.length - reached.length;
  const done = Math.min(...runs.map(({ curve }) => curve.done));
  if (left > 0) lines.push(`${left} more rows come after step ${done}.`);
  return lines.join("\n");
}

function deviationCell({ deviation }: MeanAndDeviation, text: (value: number) => string): string[] {
  return deviation === null ? [] : [text(deviation)];
}

/** Published results beside that of one's own runs, and whether chance explains the difference. */
export function resultTable(
  model: string,
  results: readonly ExpectedResult[],
  runs: readonly ReproducedRun[],
): string {
  const top1s = runs.flatMap(({ top1 }) => top1 ?? []);
  const { dataset, examplesPerClass, source, heldOut: theirs } = results[0]!;
  const few =
    examplesPerClass === null ? "" : `, ${counted(examplesPerClass, "example")} of each class`;
  const head = [`top-1 in % of ${model} on ${dataset}${few}`, "published"];
  const { valSize: heldOut = theirs } = runs[0]!.config;
  const percent = (value: number) => value.toFixed(2);
  const rows = results.map((result) => {
    const { framework, top1, least, most } = result;
    const range = least === undefined || most === undefined ? "" : ` (${least} to ${most})`;
    const cells = [framework, `${top1}${range}`];
    if (top1s.length === 0) return cells;
    const own = compareTopOne(result, top1s, heldOut);
    const deviation = deviationCell(own, percent);
    const interval = `${percent(own.low)} to ${percent(own.high)}`;
    const verdict = own.isWithin ? "yes" : own.mean < own.low ? "no, lower" : "no, higher";
    return [...cells, percent(own.mean), ...deviation, interval, verdict];
  });
  const ownHead =
    top1s.length === 0
      ? []
      : [
          ownTitle(top1s.length),
          ...(top1s.length > 1 ? ["deviation"] : []),
          ...["expected", "as published"],
        ];
  const lines = inColumns([[...head, ...ownHead], ...rows], [1, 2, 3]);
  lines.push(`Source: ${source}`);
  lines.push(
    top1s.length === 0
      ? "No run of these is done yet."
      : `Expected: within 95 %, by ${heldOut} held-out images` +
          (top1s.length > 1
            ? ` and the deviation over ${counted(top1s.length, "seed")}`
            : "; --seeds 3 would tell what seeds change"),
  );
  return lines.join("\n");
}

/** What is told of the settings of a published run or result. */
interface PublishedSettings {
  readonly batch: number;
  readonly trainSize?: number | undefined;
  readonly steps?: number | undefined;
  readonly heldOut?: number | undefined;
}

/** Where the run was made under other settings than the published one. */
export function deviations(
  published: PublishedSettings,
  config: Pick<KnownConfig, "trainSize" | "valSize" | "batch" | "schedule" | "precision">,
): string[] {
  const pairs = [
    ["training images", config.trainSize, published.trainSize],
    ["held-out images", config.valSize, published.heldOut],
    ["images a step", config.batch, published.batch],
    ["steps in all", config.schedule?.at(-1), published.steps],
  ] as const;
  const notes = pairs
    .filter(([, own, theirs]) => theirs !== undefined && own !== theirs)
    .map(([what, own, theirs]) => `note: ${own} ${what}, where the published run had ${theirs}`);
  // What is published does not tell it; all of this code computes in float32 unless it is told otherwise.
  if (config.precision !== "fp32")
    notes.push(
      `note: computed in ${config.precision}, where the published run is taken to be in fp32, ` +
        "as --precision fp32 is",
    );
  return notes;
}
