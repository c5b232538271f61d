/** `bit-train`: fine-tunes a model. */
import { rankSettings } from "../ranks/rank-sources.js";
import type { Joint } from "../run/joint-run.js";
import { checkRankWishes } from "../run/rank-choices.js";
import { withoutModel } from "../run/starting-weights.js";
import { together } from "../run/together.js";
import type { Call } from "./command.js";
import { sayDryRun } from "./dry-run.js";
import { join, runAsRank } from "./run-as-rank.js";
import { runFineTune } from "./run-fine-tune.js";
import { runSeeds } from "./run-seeds.js";

/** Runs the command. */
export async function run({ settings }: Call<"train">): Promise<number> {
  const { json, dryRun, seeds, sameExamples, allowPublicAddress, ...others } = settings;
  const { interface: networkInterface, ...options } = others;
  const { model, weights } = options;
  if (model === undefined && weights === undefined) throw withoutModel(undefined);
  const several = seeds === undefined ? undefined : { seeds, sameExamples };
  const ranks = rankSettings(process.env);
  checkRankWishes(ranks?.ranks ?? 1, options);
  const work = async (joint?: Joint) => {
    if (dryRun) return sayDryRun(options, { json, several, joint });
    if (several === undefined) return (await runFineTune(options, { json, joint })).exit;
    return (await runSeeds(options, several, { json, joint })).exit;
  };
  if (ranks === undefined) return work();
  const place = { ...ranks, interface: networkInterface, allowPublic: allowPublicAddress };
  const joint = { dry: dryRun, several };
  if (ranks.rank > 0) return runAsRank(options, place, joint);
  // Until the others have come, a signal ends the process as it does any other.
  const joined = await join(options, place);
  return together(joined.group, joint, () => work(joined));
}
