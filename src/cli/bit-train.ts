/** `bit-train`: fine-tunes a model. */
import { withoutModel } from "../run/starting-weights.js";
import type { Call } from "./command.js";
import { sayDryRun } from "./dry-run.js";
import { runFineTune } from "./run-fine-tune.js";

/** Runs the command. */
export async function run({ settings }: Call<"train">): Promise<number> {
  const { json, dryRun, ...options } = settings;
  const { model, weights } = options;
  if (model === undefined && weights === undefined) throw withoutModel(undefined);
  if (dryRun) return sayDryRun(options, json);
  return (await runFineTune(options, { json })).exit;
}
