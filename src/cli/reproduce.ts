/** `bit-reproduce`: repeats a published fine-tuning, and lays its curve and its result beside one's own. */
import { UserError } from "../errors.js";
import { type RunFolder, runFolder } from "../record/run-folder.js";
import { findPublished, type Published } from "../report/published-runs.js";
import type { FineTuneOptions } from "../run/options.js";
import type { Call } from "./command.js";
import { output } from "./output.js";
import { curveTable, deviations, reproducedRuns, resultTable } from "./reproduced.js";
import { runFineTune } from "./run-fine-tune.js";
import { runSeeds } from "./run-seeds.js";

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
  const { examplesPerClass } = settings;
  const published = await findPublished(dataset, model, examplesPerClass);
  const few = examplesPerClass === undefined ? "" : `_${examplesPerClass}-shot`;
  const { stopAfter, seeds, ...others } = settings;
  const { name = `reproduce_${dataset}_${published.model}${few}`, logdir, batch } = settings;
  const options: FineTuneOptions = {
    ...{ ...others, name, dataset, model: published.model },
    ...recipeOf(published, batch),
  };
  output.line(inWhat(settings.precision));
  const goOn = "the same command";
  if (seeds === undefined) {
    const { result, exit } = await runFineTune(options, { goOn, stopAfter });
    if (result === undefined) return exit;
    await sayComparison(published, [result.folder]);
    return result.steps === stopAfter ? 0 : exit;
  }
  const { exit, summary } = await runSeeds(options, { seeds }, { goOn, stopAfter });
  const names = [...summary.runs.map((one) => one.name), ...summary.left];
  await sayComparison(
    published,
    names.map((one) => runFolder(logdir, one)),
  );
  return exit;
}

/** What is computed in, said before it takes its time. */
function inWhat(precision: string): string {
  return precision === "fp32"
    ? "Computing in fp32, as what is published is taken to be. --precision chooses what may be faster here."
    : `Computing in ${precision}, where what is published is taken to be in fp32.`;
}

/** The settings under which it was made. */
function recipeOf({ run, results }: Published, batch?: number): Partial<FineTuneOptions> {
  const saving = { saveEvery: 500, saveMinutes: 10 };
  if (run !== undefined) return { recipe: "paddle", evalEvery: 1000, ...saving };
  const { batch: theirs, baseLr } = results[0]!;
  return { recipe: "hyperrule", batch: batch ?? theirs, baseLr, ...saving };
}

/** Curve and result beside what is published, as far as the runs have come. */
async function sayComparison(
  { model, run, results }: Published,
  folders: readonly RunFolder[],
): Promise<void> {
  const own = await reproducedRuns(folders);
  const [first] = own;
  if (first === undefined) return;
  if (run !== undefined) output.result(`\n${curveTable(run, own)}`);
  if (results.length > 0) output.result(`\n${resultTable(model, results, own)}`);
  const { batch } = (run ?? results[0])!;
  const theirs = { batch, ...run, heldOut: results[0]?.heldOut };
  for (const line of deviations(theirs, first.config)) output.result(line);
}
