/** Checks of options that programs give, where a type does not say enough. */
import { UserError } from "../errors.js";

/**
 * Refuses what is neither undefined nor a whole number from 1.
 * @param options by name
 * @throws UserError
 */
export function wholeNumbers(options: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    throw new UserError(
      `option ${name}`,
      String(value),
      "a whole number from 1",
      "correct it, or leave it out for the default",
    );
  }
}
