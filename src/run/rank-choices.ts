/** What several processes that train together cannot do. */
import { UserError } from "../errors.js";

/** The flags that matter. */
interface Choices {
  readonly cache?: boolean | undefined;
  readonly freeze?: boolean | undefined;
}

/** @throws UserError where so many processes cannot train together */
export function checkRanks(ranks: number, batch: number, { cache, freeze }: Choices): void {
  if (batch % ranks !== 0)
    throw new UserError(
      "--batch",
      `${batch} images cannot be shared evenly by ${ranks} processes`,
      `a multiple of ${ranks}`,
      `type --batch ${Math.ceil(batch / ranks) * ranks}, or start another number of processes`,
    );
  if (freeze === true)
    throw new UserError(
      "--freeze",
      `${ranks} processes`,
      "one process: the head alone is trained in seconds",
      "type the command without a launcher, or leave --freeze out",
    );
  if (cache === true)
    throw new UserError(
      "--cache",
      `${ranks} processes, of which each would keep other images`,
      "runs of several processes without it",
      "leave --cache out",
    );
}

/** What is to be done where processes cannot share the parts of a batch evenly. */
export function unevenParts(split: number, ranks: number): UserError {
  return new UserError(
    "--batch_split",
    `a batch in ${split} parts cannot be shared evenly by ${ranks} processes`,
    `a multiple of ${ranks}: the parts of all processes together`,
    `type --batch_split ${Math.ceil(split / ranks) * ranks} for a new run; a run that goes on keeps its parts`,
  );
}
