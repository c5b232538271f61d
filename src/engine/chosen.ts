/** What the environment chooses of a few values. */
import { UserError } from "../errors.js";

/**
 * @param unset what is there where the variable is unset or empty, for the error
 * @returns undefined where it is
 * @throws UserError where it is none of the values
 */
export function chosen<T extends string>(
  env: NodeJS.ProcessEnv,
  name: string,
  values: readonly T[],
  unset: string,
): T | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  const choice = values.find((each) => each === value);
  if (choice !== undefined) return choice;
  const next = `unset it for ${unset}: unset ${name}`;
  throw new UserError(name, `"${value}"`, values.join(", "), next);
}
