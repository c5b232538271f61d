/** `bit-reproduce`: repeats a published fine-tuning and lays the two curves side by side. */
import { readFile } from "node:fs/promises";
import { UserError } from "../errors.js";
import type { RunConfig } from "../record/run-config.js";
import {
  type ComparedRow,
  compareCurves,
  findPublishedRun,
  type PublishedRun,
} from "../report/published-runs.js";
import { curveOfMetrics } from "../report/run-curve.js";
import type { FineTuneOptions } from "../run/options.js";
import { inColumns } from "./columns.js";
import type { Call } from "./command.js";
import { output } from "./output.js";
import { runFineTune } from "./run-fine-tune.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"reproduce">): Promise<number> {
  const [dataset, model, ...rest] = positional;
  if (dataset === undefined || model === undefined || rest.length > 0) {
    throw new UserError(
      "bit-reproduce",
      `${positional.length} names`,
      "a dataset and a model",
      "type for example: npx bit-reproduce cifar10 R50x1",
    );
  }
  const published = await findPublishedRun(dataset, model);
  const { name = `reproduce_${dataset}_${published.model}`, stopAfter, ...others } = settings;
  const options: FineTuneOptions = {
    ...others,
    name,
    recipe: "paddle",
    model: published.model,
    dataset,
    evalEvery: 1000,
    saveEvery: 500,
    saveMinutes: 10,
  };
  const { result, exit } = await runFineTune(options, { goOn: "the same command", stopAfter });
  if (result === undefined) return exit;
  const end = result.config.schedule.at(-1)!;
  const metrics = await readFile(result.folder.metrics, "utf8");
  const rows = compareCurves(published, curveOfMetrics(metrics, { end }));
  output.result(`\n${table(published, rows, result.steps)}`);
  for (const line of deviations(published, result.config)) output.result(line);
  return result.steps === stopAfter ? 0 : exit;
}

function table({ dataset, model }: PublishedRun, rows: readonly ComparedRow[], steps: number) {
  const reached = rows.filter(({ own }) => own !== undefined);
  const digits = (what: string, value: number) => value.toFixed(what.endsWith("%") ? 2 : 5);
  const cells = reached.map(({ what, published, own }) => {
    const difference = own! - published;
    const sign = difference < 0 ? "-" : "+";
    return [
      what,
      digits(what, published),
      digits(what, own!),
      `${sign}${digits(what, Math.abs(difference))}`,
    ];
  });
  const all = [[`${model} on ${dataset}`, "published", "this run", "difference"], ...cells];
  const lines = inColumns(all, [1, 2, 3]);
  const left = rows.length - reached.length;
  if (left > 0) lines.push(`${left} more rows come after step ${steps}.`);
  return lines.join("\n");
}

/** Where the run was made under other settings than the published one. */
export function deviations(
  published: Pick<PublishedRun, "trainSize" | "batch" | "steps">,
  config: Pick<RunConfig, "trainSize" | "batch" | "schedule" | "precision">,
): string[] {
  const pairs = [
    ["training images", config.trainSize, published.trainSize],
    ["images a step", config.batch, published.batch],
    ["steps in all", config.schedule.at(-1), published.steps],
  ] as const;
  const notes = pairs
    .filter(([, own, theirs]) => own !== theirs)
    .map(([what, own, theirs]) => `note: ${own} ${what}, where the published run had ${theirs}`);
  // The logs do not tell it; the port computes in float32 unless it is told otherwise.
  if (config.precision !== "fp32")
    notes.push(
      `note: computed in ${config.precision}, where the published run is taken to be in fp32, ` +
        "as --precision fp32 is",
    );
  return notes;
}
