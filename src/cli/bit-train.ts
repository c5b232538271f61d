/** `bit-train`: fine-tunes a model. */
import { UserError } from "../errors.js";
import { type RankSettings, rankSettings } from "../ranks/rank-sources.js";
import { withoutModel } from "../run/starting-weights.js";
import type { Call } from "./command.js";
import { sayDryRun } from "./dry-run.js";
import { runAsRank } from "./run-as-rank.js";
import { runFineTune } from "./run-fine-tune.js";
import { runSeeds } from "./run-seeds.js";

/** Runs the command. */
export async function run({ settings }: Call<"train">): Promise<number> {
  const { json, dryRun, seeds, sameExamples, allowPublicAddress, ...others } = settings;
  const { interface: networkInterface, ...options } = others;
  const { model, weights } = options;
  if (model === undefined && weights === undefined) throw withoutModel(undefined);
  const several = seeds === undefined ? undefined : { seeds, sameExamples };
  const found = rankSettings(process.env);
  const wish = { interface: networkInterface, allowPublic: allowPublicAddress };
  const ranks = found && { ...found, ...wish };
  if (ranks !== undefined) {
    refuseTogether(ranks, { dry_run: dryRun, seeds });
    if (ranks.rank > 0) return runAsRank(options, ranks);
  }
  if (dryRun) return sayDryRun(options, json, several);
  if (several === undefined) return (await runFineTune(options, { json, ranks })).exit;
  return (await runSeeds(options, several, { json })).exit;
}

/** @throws UserError where a flag is given that one process alone can follow */
function refuseTogether(
  { rank, ranks, source }: RankSettings,
  flags: Readonly<Record<string, unknown>>,
): void {
  const given = Object.keys(flags).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (given === undefined) return;
  throw new UserError(
    `--${given}`,
    `as rank ${rank} of ${ranks} (${source})`,
    "one process: several that train together do not know this flag",
    `leave --${given} out, or type the command without a launcher`,
  );
}
