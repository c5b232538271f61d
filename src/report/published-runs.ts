/**
 * Published runs, to lay one's own beside: medians of the loss over stretches of steps, since single
 * losses are noisy through mixup, and evaluations.
 * Source: the logs of the PaddlePaddle port's own runs, GuoQuanhao/big_transfer (MIT License).
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { perhaps } from "../close-names.js";
import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { type ExpectedResult, expectedResults } from "./expected-results.js";
import type { RunCurve } from "./run-curve.js";

const document = z.object({
  source: z.string(),
  /** Of every run. */
  trainSize: z.int(),
  batch: z.int(),
  baseLr: z.number(),
  steps: z.int(),
  runs: z.array(
    z.object({
      dataset: z.string(),
      model: z.string(),
      /** Steps `from` to `to`, both included. */
      losses: z.array(z.object({ from: z.int(), to: z.int(), median: z.number() })),
      /** After so many steps; top1 and top5 in percent. */
      validations: z.array(
        z.object({ step: z.int(), loss: z.number(), top1: z.number(), top5: z.number() }),
      ),
    }),
  ),
});

type Document = z.infer<typeof document>;

/** A run with the settings under which all were made. */
export type PublishedRun = Omit<Document, "runs" | "source"> & Document["runs"][number];

const file = join(packageRoot, "assets", "paddle-cifar-runs.json");

/** Every published run that there is. */
async function publishedRuns(): Promise<readonly PublishedRun[]> {
  const { runs, ...all } = document.parse(JSON.parse(await readFile(file, "utf8")));
  return runs.map((run) => ({ ...all, ...run }));
}

/** What is published of fine-tuning a model on a dataset: its curve, results, or both. */
export interface Published {
  /** As in `BiT-M-R50x1`. */
  readonly model: string;
  /** Undefined where none is known. */
  readonly run: PublishedRun | undefined;
  readonly results: readonly ExpectedResult[];
}

/**
 * What is published of a model on a dataset.
 * @param model with or without `BiT-M-` before it
 * @param examplesPerClass undefined: trained on all
 * @throws UserError where nothing is known
 */
export async function findPublished(
  dataset: string,
  model: string,
  examplesPerClass?: number,
): Promise<Published> {
  const wanted = `BiT-M-${model.replace(/^BiT-M-/, "")}`;
  const isWanted = (one: { readonly dataset: string; readonly model: string }) =>
    one.dataset === dataset && one.model === wanted;
  const [allRuns, allResults] = [await publishedRuns(), await expectedResults()];
  const run = examplesPerClass === undefined ? allRuns.find(isWanted) : undefined;
  const results = allResults.filter(
    (one) => isWanted(one) && one.examplesPerClass === (examplesPerClass ?? null),
  );
  if (run !== undefined || results.length > 0) return { model: wanted, run, results };
  const isFew = examplesPerClass !== undefined;
  const nameOf = (one: { dataset: string; model: string; examplesPerClass?: number | null }) => {
    const { examplesPerClass: shots = null } = one;
    const flag = shots === null ? [] : [`--examples_per_class ${shots}`];
    return [one.dataset, one.model.replace(/^BiT-M-/, ""), ...flag].join(" ");
  };
  const alike = allResults.filter((one) => (one.examplesPerClass !== null) === isFew);
  const known = [...new Set([...(isFew ? [] : allRuns), ...alike].map(nameOf))];
  const few = isFew ? ` --examples_per_class ${examplesPerClass}` : "";
  const near = perhaps(`${dataset} ${model}${few}`, known, 1)?.replace(/^perhaps /, "");
  throw new UserError(
    `${dataset} ${model}${few}`,
    "no published run or result of these is known",
    known.join(", "),
    `type for example: npx bit-reproduce ${near ?? known.find((name) => name.includes("R50x1"))}`,
  );
}

/** One figure of a published run and of one's own. */
export interface ComparedRow {
  /** As in `steps 100 to 199, median loss`. */
  readonly what: string;
  readonly published: number;
  /** Undefined where the run has not come so far. */
  readonly own: number | undefined;
}

/** Row by row, in the order in which they come about. */
export function compareCurves(published: PublishedRun, own: RunCurve): ComparedRow[] {
  const ownLosses = new Map(own.steps.map(({ step, loss }) => [step, loss]));
  const ownValidations = new Map(own.validations.map((one) => [one.steps, one]));
  const rows: (ComparedRow & { readonly at: number })[] = [];
  for (const { from, to, median } of published.losses) {
    const losses: number[] = [];
    for (let step = from; step <= to; step++) {
      const loss = ownLosses.get(step);
      if (loss !== undefined) losses.push(loss);
    }
    const whole = losses.length === to - from + 1;
    const what = `steps ${from} to ${to}, median loss`;
    rows.push({ what, published: median, own: whole ? medianOf(losses) : undefined, at: to });
  }
  for (const { step, ...theirs } of published.validations) {
    const ours = ownValidations.get(step);
    const row = (name: string, value: number, mine: number | undefined) => {
      rows.push({
        what: `after ${counted(step, "step")}, ${name}`,
        published: value,
        own: mine,
        at: step,
      });
    };
    row("validation loss", theirs.loss, ours?.loss);
    row("top-1 in %", theirs.top1, ours && 100 * ours.top1);
    row("top-5 in %", theirs.top5, ours && 100 * ours.top5);
  }
  return rows
    .sort((a, b) => a.at - b.at)
    .map(({ what, published: p, own: o }) => ({ what, published: p, own: o }));
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  const upper = values.length >> 1;
  return (values[upper]! + values[(values.length - 1) >> 1]!) / 2;
}
