/** The one model that a command is to use, by whichever flag it was given. */
import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import { namedRun } from "../report/near-runs.js";

/**
 * The only one of some sources.
 * @param sources what was given; undefined where a flag was left out
 * @param purpose as in "to predict with"
 * @param expected what it may be
 * @throws UserError where there is none, or several
 */
export async function oneModel(
  program: string,
  sources: readonly (string | undefined)[],
  purpose: string,
  expected: string,
): Promise<string> {
  const given = sources.filter((source) => source !== undefined);
  const [source, ...others] = given;
  if (source !== undefined && others.length === 0) return source;
  throw new UserError(
    program,
    source === undefined ? `no model ${purpose}` : `${counted(given.length, "model")}: ${given}`,
    expected,
    `type --weights FILE.npz or --weights BiT-M-R50x1-ILSVRC2012 or ${await namedRun("--run")}`,
  );
}
