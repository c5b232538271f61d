/** `bit-train`: fine-tunes a model. */
import { requireSeveral } from "../run/seed-runs.js";
import { withoutModel } from "../run/starting-weights.js";
import type { Call } from "./command.js";
import { sayDryRun } from "./dry-run.js";
import { runFineTune } from "./run-fine-tune.js";
import { runSeeds } from "./run-seeds.js";

/** Runs the command. */
export async function run({ settings }: Call<"train">): Promise<number> {
  const { json, dryRun, seeds, sameExamples, ...options } = settings;
  const { model, weights } = options;
  if (model === undefined && weights === undefined) throw withoutModel(undefined);
  const several = seeds === undefined ? undefined : { seeds, sameExamples };
  if (several === undefined) requireSeveral({ sameExamples });
  if (dryRun) return sayDryRun(options, json, several);
  if (several === undefined) return (await runFineTune(options, { json })).exit;
  return (await runSeeds(options, several, { json })).exit;
}
