/** Checks of options that programs give, where a type does not say enough. */
import { UserError } from "../errors.js";
import { settingsOf } from "../settings/table.js";
import { requireValue } from "../settings/values.js";
import { closeNames } from "../zoo/close-names.js";

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

/**
 * Refuses names that are no option's: in plain JavaScript a slip of the pen would otherwise mean the
 * default.
 * @param known all names
 * @throws UserError
 */
export function knownOptions(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    // A name as the command line has it is meant as often as one with a wrong letter.
    const near = closeNames(name.replace(/[_-]/g, ""), known, 1);
    throw new UserError(
      `option ${name}`,
      "there is none of this name",
      near.length > 0 ? `perhaps ${near.join(" or ")}` : known.join(", "),
      name === "device"
        ? "give an engine: openEngine({ device: ... })"
        : "correct the name, or leave it out",
    );
  }
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
  optionValues(command, options);
  const given = new Map<string, unknown>(Object.entries(options));
  for (const { name, row, required } of settings)
    if (required && given.get(name) === undefined)
      throw new UserError(`option ${name}`, "is not given", row.help, `add ${name}`);
}

/**
 * Checks the values of those of a program's options that are settings of a command.
 * @param command its name in the table of settings
 * @throws UserError
 */
export function optionValues(command: string, options: object): void {
  const given = new Map<string, unknown>(Object.entries(options));
  for (const { name, row } of settingsOf(command)) {
    const value = given.get(name);
    if (value !== undefined)
      requireValue(row, value, { where: `option ${name}`, next: `give another ${name}` });
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
