/** What several processes that train together cannot do. */
import { counted } from "../counted.js";
import { SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import { recipeOf } from "../recipe/recipes.js";
import type { RunRecordFile } from "../record/run-config.js";
import type { Options } from "../settings/table.js";
import { recordedSettings } from "../settings/values.js";

/** The flags that matter. */
interface Choices {
  readonly reduceDtype?: string | undefined;
}

/**
 * What `checkRanks` says, as soon as the wishes are known: before any process has loaded anything.
 * @throws UserError as it does
 */
export function checkRankWishes(ranks: number, wishes: Options<"train">): void {
  checkRanks(ranks, wishes.batch ?? recipeOf(recordedSettings(wishes).recipe).batch, wishes);
}

/** @throws UserError where so many processes cannot train together, or one alone is told what several do */
export function checkRanks(ranks: number, batch: number, choices: Choices): void {
  const { reduceDtype = "fp32" } = choices;
  if (ranks === 1) {
    if (reduceDtype === "fp32") return;
    throw new UserError(
      `--reduce_dtype ${reduceDtype}`,
      "one process, which sends its gradients to nobody",
      "several processes that train together",
      "leave it out, or start several: npx bit-launch --nproc 2 -- bit-train ...",
    );
  }
  if (batch % ranks !== 0)
    throw new UserError(
      "--batch",
      `${batch} images cannot be shared evenly by ${ranks} processes`,
      `a multiple of ${ranks}`,
      `type --batch ${Math.ceil(batch / ranks) * ranks}, or start another number of processes`,
    );
}

/** What is to be done where several processes with GPUs are to train the head alone. */
export function frozenOnGpus(ranks: number): UserError {
  return new UserError(
    "--freeze",
    `${ranks} processes with GPUs`,
    "one process, or several on CPUs",
    "type the command without a launcher: one process uses all GPUs of its machine; or type --device cpu",
  );
}

/**
 * What is to be done where processes cannot share the parts of a batch evenly.
 * @param instead parts that they can
 */
export function unevenParts(split: number, ranks: number, instead: number): UserError {
  return new UserError(
    "--batch_split",
    `a batch in ${split} parts cannot be shared evenly by ${ranks} processes`,
    `a multiple of ${ranks}: the parts of all processes together`,
    `type --batch_split ${instead} for a new run; a run that goes on keeps its parts`,
  );
}

/**
 * The same of a run that goes on, whose parts are as it began with.
 * @param instead parts that so many processes can share
 */
export function unevenRun(split: number, ranks: number, instead: number): UserError {
  const fewer = fittingRanks(split, ranks, -1);
  const more = fittingRanks(split, ranks, 1);
  const some = [fewer, more].filter((one) => one !== undefined && one > 1).join(" or ");
  const processes = some === "" ? "one process, without a launcher" : `${some} processes`;
  return new UserError(
    "--batch_split",
    `the run's batches are in ${counted(split, "part")}, which cannot be shared evenly by ${ranks} processes`,
    `processes whose number divides ${split}: a run that goes on keeps its parts`,
    `start ${processes}; or, to go on with a batch in other parts, type --batch_split ${instead} --force`,
  );
}

/** The nearest number of processes above or below this one that can share so many parts. */
function fittingRanks(split: number, ranks: number, direction: 1 | -1): number | undefined {
  for (let one = ranks + direction; one > 0 && one <= split; one += direction)
    if (split % one === 0) return one;
  return undefined;
}

/**
 * What is to be done where the memory of one of several processes did not suffice: all would have to take smaller parts,
 * which one alone cannot decide.
 * @returns undefined where `error` is of another kind
 */
export function outOfMemoryTogether(
  error: unknown,
  { model, batch, split, resolution, name }: RunRecordFile,
  ranks: number,
): UserError | undefined {
  if (!(error instanceof SessionError) || !error.outOfMemory) return undefined;
  const size = batch / split;
  const more = nextSplit(batch, split, ranks);
  const batchInstead = batch - ranks > 0 ? `, or a smaller --batch (a multiple of ${ranks})` : "";
  return new UserError(
    more === undefined ? model : `--batch_split ${split}`,
    `out of memory with ${counted(size, "image")} of ${resolution.crop} x ${resolution.crop} at a time in each of ${ranks} processes`,
    "parts of a batch that fit the memory of each process",
    more === undefined
      ? "give --remat, --precision bf16 or a smaller --crop, or start fewer processes on a machine"
      : `type --batch_split ${more}${batchInstead}; a run that has begun keeps its own: give another --name than ${name}, or --force`,
    { cause: error },
  );
}

/** At least twice as many parts, that the processes can share; undefined where parts are of one image already. */
function nextSplit(batch: number, split: number, ranks: number): number | undefined {
  for (let more = 2 * split; more <= batch; more++)
    if (batch % more === 0 && more % ranks === 0) return more;
  return undefined;
}
