/** `bit-train`: fine-tunes a model. */
import { withoutModel } from "../run/starting-weights.js";
import type { Call } from "./command.js";
import { runFineTune } from "./run-fine-tune.js";

/** Runs the command. */
export async function run({ settings }: Call<"train">): Promise<number> {
  const { json, ...options } = settings;
  const { model, weights } = options;
  if (model === undefined && weights === undefined) throw withoutModel(undefined);
  return (await runFineTune(options, { json })).exit;
}
