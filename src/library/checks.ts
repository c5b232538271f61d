/** Checks of options that programs give, where a type does not say enough. */
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import type { Setting } from "../settings/setting.js";
import { settingsOf } from "../settings/table.js";
import { requireValue } from "../settings/values.js";

/**
 * Refuses names that are no option's: in plain JavaScript a slip of the pen would otherwise mean the
 * default.
 * @param known all names
 * @throws UserError
 */
export function knownOptions(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    throw new UserError(
      `option ${name}`,
      "there is none of this name",
      // A name as the command line has it is meant as often as one with a wrong letter.
      perhaps(name.replace(/[_-]/g, ""), known, 1) ?? known.join(", "),
      name === "device"
        ? "give an engine: openEngine({ device: ... })"
        : "correct the name, or leave it out",
    );
  }
}

/** @throws UserError where the value is none of the setting's */
export function requireOption(name: string, row: Setting, value: unknown): void {
  requireValue(row, value, { where: `option ${name}`, next: `give another ${name}` });
}

/**
 * Checks a program's options in place of a command's settings: their names, values, and that none is
 * missing.
 * @param command its name in the table of settings
 * @param others names of options that are no setting
 * @throws UserError
 */
export function commandOptions(
  command: string,
  options: object,
  { without, others }: { readonly without: readonly string[]; readonly others: readonly string[] },
): void {
  const settings = settingsOf(command).filter(({ name }) => !without.includes(name));
  knownOptions(options, [...settings.map(({ name }) => name), ...others]);
  const given = new Map<string, unknown>(Object.entries(options));
  for (const { name, row, required } of settings) {
    const value = given.get(name);
    if (value !== undefined) requireOption(name, row, value);
    else if (required)
      throw new UserError(`option ${name}`, "is not given", row.help, `add ${name}`);
  }
}

/**
 * Refuses what is neither undefined nor one of the choices.
 * @throws UserError
 */
export function oneOf(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw new UserError(
    `option ${name}`,
    `${value} is not possible`,
    choices.join(", "),
    `give another ${name}`,
  );
}
