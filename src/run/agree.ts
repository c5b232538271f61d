/** That the processes of a run do the same, from the same state: refused before the first step where not. */
import { createHash } from "node:crypto";
import { UserError } from "../errors.js";
import type { VariableSpec } from "../model/architecture.js";
import type { RankGroup } from "../ranks/rank-group.js";
import type { BestResult } from "../record/manifest.js";
import type { RunRecordFile } from "../record/run-config.js";
import type { TrainProgram } from "../step/program.js";
import { shareState } from "../step/share-state.js";
import { readVariables } from "../step/variables.js";
import type { TrainStart } from "../train/train.js";
import type { Joint } from "./joint-run.js";
import type { ModelledOptions } from "./options.js";
import {
  decidingFlags,
  type Intended,
  type RankDifferences,
  rankDifferences,
} from "./rank-differences.js";

/** What tells all ranks what each has. */
export type Sharing = Pick<RankGroup, "share">;

/** What rank 0 says of the run that all are to make. */
export interface Announced extends Intended {
  readonly best: BestResult | null;
  /** Whether its steps are only timed now, and the run is announced after that. */
  readonly timed?: boolean;
}

/** A run that is to be announced. */
export type ToAnnounce = Omit<Announced, "flags"> & { readonly options: ModelledOptions };

/** Of rank 0: says what it is to do. @throws UserError where another rank would do something else */
export async function announceRun(group: Sharing, { options, ...run }: ToAnnounce): Promise<void> {
  await group.share({ ...run, flags: decidingFlags(options) } satisfies Announced);
  await compare(group, undefined);
}

/** Of the other ranks: what rank 0 is to do. `confirmRun` is to follow. */
export async function announcedRun(group: Sharing): Promise<Announced> {
  const [first] = await group.share(null);
  return first as Announced;
}

/** Says what this rank would do. @throws UserError in all ranks where one would do something else */
export async function confirmRun(
  group: Sharing,
  announced: Intended,
  own: { readonly config: RunRecordFile; readonly options: ModelledOptions },
): Promise<void> {
  const flags = decidingFlags(own.options);
  await compare(group, rankDifferences(announced, { config: own.config, flags }));
}

async function compare(group: Sharing, own: RankDifferences | undefined): Promise<void> {
  const all = (await group.share(own ?? null)) as readonly (RankDifferences | null)[];
  const rank = all.findIndex((one) => one !== null);
  if (rank < 0) return;
  const { differences, nextStep } = all[rank]!;
  throw new UserError(
    `rank ${rank}`,
    `it would train otherwise than rank 0: ${differences.join("; ")}`,
    "the same settings and the same data in all processes",
    nextStep,
  );
}

/**
 * Begins in all ranks alike: rank 0 sets its variables and hands them to all the others.
 * @param begin sets the variables; only rank 0 calls it
 * @throws UserError where the ranks have written different graphs
 */
export async function beginTogether(
  joint: Joint,
  program: TrainProgram,
  begin: () => Promise<TrainStart>,
): Promise<TrainStart> {
  const { session } = program;
  const { group } = joint;
  if (group.rank > 0) await session.run({}, ["train/initialize"]);
  const own = group.rank === 0 ? await begin() : undefined;
  const start = own === undefined ? null : { step: own.step, evaluated: own.evaluated };
  await requireSameGraph(joint);
  const [first] = await group.share(start);
  await shareState(session, group);
  return first as TrainStart;
}

/** What a program has come to. */
interface State extends Pick<TrainProgram, "session"> {
  readonly variables: readonly VariableSpec[];
  readonly optimizerState: readonly VariableSpec[];
}

/**
 * Compares what all ranks have come to: weights and momentum, which are the same bits unless a machine computes wrongly,
 * or bit-train does.
 * @throws Error in all ranks where they are not
 */
export async function requireSameBits(group: Sharing, program: State): Promise<void> {
  const other = await differingRank(group, program);
  if (other < 0) return;
  throw new Error(
    `rank ${other} has come to other weights than rank 0: one of them has computed wrongly, and what was saved is not to be trusted`,
  );
}

/** @throws UserError in all ranks where those whose session was opened last have different graphs */
export async function requireSameGraph({ group, graphHash }: Joint): Promise<void> {
  const all = await group.share(graphHash());
  const other = all.findIndex((graph) => graph !== all[0]);
  if (other < 0) return;
  throw new UserError(
    `rank ${other}`,
    "what it would compute (its graph) is not what rank 0 would",
    "the same in all processes",
    "give all of them the same flags; set the engine up alike on all machines: npx bit-setup",
  );
}

/**
 * The same after the first step, in which all gradients have met, and before anything is saved. At a learning rate of 0
 * the momentum tells.
 * @throws UserError in all ranks where they are not: to start again would not help
 */
export async function requireSameBegin(group: Sharing, program: State): Promise<void> {
  const other = await differingRank(group, program);
  if (other < 0) return;
  throw new UserError(
    `rank ${other}`,
    "after the first step its weights or its momentum are not those of rank 0: what they compute together differs",
    "the same bits in all processes",
    "train in one process, or on CPUs (--device cpu), and report it with what npx bit-setup --check says on each machine",
  );
}

/** The first rank whose bits are not those of rank 0; -1 where there is none. */
async function differingRank(
  group: Sharing,
  { session, variables, optimizerState }: State,
): Promise<number> {
  const hash = createHash("sha256");
  for await (const [, values] of readVariables(session, [...variables, ...optimizerState]))
    hash.update(values);
  const all = await group.share(hash.digest("hex"));
  return all.findIndex((one) => one !== all[0]);
}
