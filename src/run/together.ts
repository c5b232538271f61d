/** Work of several processes that do the same, from when they have met until they part. */
import { UserError } from "../errors.js";
import type { RankGroup } from "../ranks/rank-group.js";
import type { SeedWishes } from "./seed-runs.js";

/** What a command is to do with the processes, which all of them have to be told alike. */
export interface JointWork {
  /** Only plan and time it. */
  readonly dry?: boolean | undefined;
  /** Several runs, one after the other. */
  readonly several?: SeedWishes | undefined;
}

/**
 * Does work as one of several processes, which end all where one does.
 * @throws UserError in all where they are told to do different things; what `work` throws
 */
export async function together<T>(
  group: RankGroup,
  { dry = false, several }: JointWork,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const { seeds = null, sameExamples = false } = several ?? {};
    await requireSameWork(group, { dry_run: dry, seeds, same_examples: sameExamples });
    const result = await work();
    await group.end();
    return result;
  } catch (error) {
    const cause = group.causeOf(error);
    await group.fail(cause);
    throw cause;
  }
}

/** @param flags those that say what is done, with their values */
async function requireSameWork(
  group: RankGroup,
  flags: Readonly<Record<string, unknown>>,
): Promise<void> {
  const all = (await group.share(flags)) as readonly (typeof flags)[];
  for (const [rank, own] of all.entries())
    for (const [flag, value] of Object.entries(all[0]!))
      if (own[flag] !== value)
        throw new UserError(
          `rank ${rank}`,
          `--${flag} is ${own[flag] ?? "not there"}, that of rank 0 is ${value ?? "not there"}`,
          "the same flags in all processes",
          "give all of them the same command",
        );
}
