/** Values of settings: whether each is one of its kind, and what holds where one was not given. */
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import type { Setting } from "./setting.js";
import {
  type CommandSetting,
  type RecordedSettings,
  recordedRows,
  type Settings,
  settingsOf,
} from "./table.js";

/** Where a value comes from, for messages. */
export interface Giver {
  /** What is said first, as `--batch` or `run.yaml, batch`. */
  readonly where: string;
  /** What to do next. */
  readonly next: string;
}

/** In words, what a setting's values are. */
export function expectedOf(row: Setting): string {
  switch (row.kind) {
    case "choice":
      return row.choices.join(", ");
    case "integer":
      return `a whole number from ${row.least} on`;
    case "number":
      return "a number above 0";
    case "share":
      return "a number from 0 up to, but without, 1";
    case "boolean":
      return "true or false";
    default:
      return row.kind === "path" ? "a path" : "text, in quotes where it looks like a number";
  }
}

/** Whether a value is one of the setting's. */
export function isValue(row: Setting, value: unknown): boolean {
  switch (row.kind) {
    case "choice":
      return typeof value === "string" && row.choices.includes(value);
    case "integer":
      return typeof value === "number" && Number.isSafeInteger(value) && value >= row.least;
    case "number":
      return typeof value === "number" && Number.isFinite(value) && value > 0;
    case "share":
      return typeof value === "number" && value >= 0 && value < 1;
    case "boolean":
      return typeof value === "boolean";
    default:
      return typeof value === "string";
  }
}

/** Text bare, but in quotes where these are what is wrong: `"2"`, where 2 is expected. */
function shownValue(row: Setting, value: unknown): string {
  if (typeof value !== "string" || value === "") return JSON.stringify(value) ?? "nothing";
  const bare = value === "true" || value === "false" ? value === "true" : Number(value);
  return isValue(row, bare) ? `${JSON.stringify(value)}, in quotes,` : value;
}

/** @throws UserError where the value is none of the setting's */
export function requireValue(row: Setting, value: unknown, { where, next }: Giver): void {
  if (isValue(row, value)) return;
  if (typeof value === "number" && Number.isNaN(value))
    throw new UserError(where, "is not a number", "a number", next);
  const shown = shownValue(row, value).slice(0, 80);
  const near = row.kind === "choice" ? perhaps(shown, row.choices) : undefined;
  const expected = near === undefined ? expectedOf(row) : `${near}; all: ${expectedOf(row)}`;
  throw new UserError(where, `${shown} is not possible`, expected, next);
}

/**
 * A command's settings out of those that were given: what is left out comes from the environment, or
 * is the default.
 * @param given checked values by the settings' names
 * @throws UserError where a required one is missing
 */
export function completeSettings<Command extends string>(
  command: Command,
  given: ReadonlyMap<string, unknown>,
  missing: (setting: CommandSetting) => UserError,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Settings<Command> {
  const values: Record<string, unknown> = {};
  for (const setting of settingsOf(command)) {
    const { name, row } = setting;
    const variable = row.environment === undefined ? undefined : environment[row.environment];
    values[name] = given.get(name) ?? (variable ? ofVariable(setting, variable) : setting.default);
    if (setting.required && values[name] === undefined) throw missing(setting);
  }
  if (areSettings(command, values)) return values;
  throw new Error(`Settings of ${command} that were not checked: ${JSON.stringify(values)}`);
}

const switchWords: Readonly<Record<string, boolean>> = {
  ...{ 1: true, true: true, yes: true, on: true },
  ...{ 0: false, false: false, no: false, off: false },
};

/** What a variable of the environment says. @throws UserError where that is none of the setting's values */
function ofVariable({ row, flag }: CommandSetting, text: string): unknown {
  const value = row.kind === "boolean" ? (switchWords[text.toLowerCase()] ?? text) : text;
  const where = `environment variable ${row.environment}`;
  requireValue(row, value, { where, next: `correct it, or remove it; --${flag} counts before it` });
  return value;
}

/** Whether every setting of a command has a value of its kind, or none where it needs none. */
function areSettings<Command extends string>(
  command: Command,
  values: Readonly<Record<string, unknown>>,
): values is Settings<Command> & Record<string, unknown> {
  return settingsOf(command).every(({ name, row, required, ...setting }) => {
    const value = values[name];
    if (value === undefined) return !required && setting.default === undefined;
    return isValue(row, value);
  });
}

/**
 * The settings that `config.json` has under their own names, of a program's options: what is left out is
 * the row's default, or undefined.
 * @throws UserError where a value is none of its setting's
 */
export function recordedSettings(options: object): RecordedSettings {
  const given = new Map<string, unknown>(Object.entries(options));
  const values = Object.fromEntries(
    recordedRows.map(([name, row]) => {
      const value = given.get(name) ?? row.default;
      if (value !== undefined)
        requireValue(row, value, { where: name, next: `give another ${name}` });
      return [name, value];
    }),
  );
  if (areRecorded(values)) return values;
  throw new Error(`A setting without a default: ${JSON.stringify(values)}`);
}

function areRecorded(
  values: Readonly<Record<string, unknown>>,
): values is RecordedSettings & Record<string, unknown> {
  return recordedRows.every(([name, row]) => {
    const value = values[name];
    return value === undefined ? row.default === undefined : isValue(row, value);
  });
}
