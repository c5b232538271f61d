/**
 * The table of settings: every setting of every command is one row, and whatever knows of settings
 * follows from it: flags and their help, the types of what commands are run with and of the library's
 * options, `config.json`, what may change when a run goes on, docs/commands.md and shell completion.
 */
import { benchSettings } from "./bench-settings.js";
import { dataSettings } from "./data-settings.js";
import { modelSettings } from "./model-settings.js";
import { predictionSettings } from "./prediction-settings.js";
import type { OptionsIn, RecordedIn, Setting, SettingsIn } from "./setting.js";
import { toolSettings } from "./tool-settings.js";
import { trainingSettings } from "./training-settings.js";

/** All rows, in the order in which help lists them. */
export const settingTable = {
  ...modelSettings,
  ...dataSettings,
  ...trainingSettings,
  ...predictionSettings,
  ...benchSettings,
  ...toolSettings,
} as const;

type Table = typeof settingTable;

/** A command that takes a setting, as rows call it. */
export type CommandName = { [Name in keyof Table]: keyof Table[Name]["commands"] }[keyof Table];

/** What a command is run with: every setting of its own, checked, defaults filled in. */
export type Settings<Command> = SettingsIn<Table, Command>;

/** What a program may give in place of a command's settings. */
export type Options<Command> = OptionsIn<Table, Command>;

/** The settings that `config.json` has under their own names. */
export type RecordedSettings = RecordedIn<Table>;

/** A setting as one command has it. */
export interface CommandSetting {
  /** As in types and in `config.json`: camelCase. */
  readonly name: string;
  /** As on the command line: snake_case. */
  readonly flag: string;
  readonly row: Setting;
  readonly help: string;
  readonly default: string | number | boolean | undefined;
  /** In words, what holds where it is left out; undefined where that is the default, or nothing. */
  readonly otherwise: string | undefined;
  readonly required: boolean;
}

const rows: readonly (readonly [string, Setting])[] = Object.entries(settingTable);

/** A name in camelCase as it is on the command line. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The settings of a command, in the table's order; none where the table knows no such command. */
export function settingsOf(command: string): readonly CommandSetting[] {
  return rows.flatMap(([name, row]) => {
    const use = row.commands[command];
    if (use === undefined) return [];
    const merged = { ...row, ...use } as Setting;
    const byEnvironment = row.environment === undefined ? undefined : `$${row.environment}`;
    return [
      {
        name,
        flag: flagOf(name),
        row: merged,
        help: merged.help,
        default: merged.default,
        otherwise: merged.default === undefined ? (merged.otherwise ?? byEnvironment) : undefined,
        required: merged.required === true,
      },
    ];
  });
}

/** Whether a flag, as on the command line, is one that is on or off. */
export function isSwitch(settings: readonly CommandSetting[], flag: string): boolean {
  return settings.some((one) => one.flag === flag && one.row.kind === "boolean");
}

/** The rows that `config.json` has under their own names. */
export const recordedRows: readonly (readonly [string, Setting])[] = rows.filter(
  ([, row]) => row.recorded === true,
);
