/** What is said of a command line that its parser refuses: what was expected, and the command to type instead. */
import { existsSync } from "node:fs";
import { closeNames, perhapsOne } from "../close-names.js";
import { isDatasetName } from "../data/known-datasets.js";
import { UserError } from "../errors.js";
import { quoted } from "../settings/shell-word.js";
import { suggestedSettings } from "../settings/suggest.js";
import { type CommandSetting, isSwitch, settingsOf } from "../settings/table.js";
import { expectedOf } from "../settings/values.js";
import type { Command } from "./command.js";
import {
  correctedFlags,
  dashedValue,
  dashedWord,
  isTyped,
  typedValue,
  withoutWord,
  withValue,
} from "./typed-words.js";

/** What help, lists and errors need to know of a command. */
export type Described = Omit<Command<string>, "load" | "summary"> & {
  /** The words that may come first. */
  readonly verbs?: readonly string[];
};

/** What was typed for which command. */
interface Typed {
  /** The command's in the table of settings. */
  readonly name: string;
  readonly command: Described;
  readonly argv: readonly string[];
}

/** What to say where yargs has a message. */
export function explained(typed: Typed, message: string): UserError {
  const { command, argv } = typed;
  const unknown = /^Unknown arguments?: (.*)/.exec(message)?.[1]?.split(", ");
  if (unknown !== undefined)
    return dashedWord(command.program, argv) ?? unknownFlags(typed, unknown, message);
  const lacking = /^Not enough arguments following: ([\w-]+)/.exec(message)?.[1];
  const refused = /Argument: (\w+), Given: /.exec(message)?.[1];
  const flag = lacking?.replaceAll("-", "_") ?? refused;
  const setting = settingsOf(typed.name).find((one) => one.flag === flag);
  if (setting !== undefined)
    return lacking === undefined ? noChoice(typed, setting) : withoutValue(typed, setting);
  return mistake(typed, message);
}

function unknownFlags(typed: Typed, unknown: readonly string[], message: string): UserError {
  const { name, command, argv } = typed;
  const settings = settingsOf(name);
  const corrections = new Map<string, string>();
  const told = unknown.flatMap((flag) => {
    const near = suggestedSettings(name, flag);
    if (near === undefined) return [];
    const off = argv.includes(`--no-${flag}`);
    const dashed = near.replace(/(?<=perhaps |or )\w+/g, (meant) => {
      const isOff = off && isSwitch(settings, meant);
      const correct = `--${isOff ? "no-" : ""}${meant}`;
      if (off === isOff && !corrections.has(flag)) corrections.set(flag, correct);
      return correct;
    });
    return [dashed];
  });
  const isWhole = unknown.every((flag) => corrections.has(flag));
  const next = isWhole ? `type: ${line(typed, correctedFlags(argv, corrections))}` : undefined;
  return mistake(typed, message, told.length > 0 ? told.join(", ") : command.otherFlags, next);
}

/** Of a flag that stands at the end, or before another one. */
function withoutValue(typed: Typed, setting: CommandSetting): UserError {
  const { flag, row, help } = setting;
  const dashed = dashedValue(typed.argv, flag);
  const isWords = row.kind === "text" || row.kind === "path";
  const expected = dashed ?? `--${flag} and its value: ${isWords ? help : expectedOf(row)}`;
  const example = dashed === undefined ? exampleOf(typed.command, setting) : undefined;
  const argv = flag === "dataset" ? withModel(typed) : typed.argv;
  const next =
    example && `type for example: ${line(typed, withValue(argv, flag, example), [example])}`;
  return mistake(typed, `--${flag} needs a value, and none follows`, expected, next);
}

function noChoice(typed: Typed, { flag, row }: CommandSetting): UserError {
  const choices = row.kind === "choice" ? row.choices : [];
  const value = typedValue(typed.argv, flag) ?? "";
  const [near] = closeNames(value, choices, 1);
  const words = withValue(typed.argv, flag, near ?? choices[0] ?? "", true);
  return new UserError(
    `--${flag}`,
    `${value === "" ? '""' : value.slice(0, 80)} is not possible`,
    row.kind === "choice" ? expectedOf(row) : "a value that is possible",
    `type${near === undefined ? " for example" : ""}: ${line(typed, words)}`,
  );
}

/** What to say where a flag is missing that must be given. @param orLine where else it may stand */
export function missingFlag(typed: Typed, setting: CommandSetting, orLine: string): UserError {
  const { flag } = setting;
  const example = exampleOf(typed.command, setting);
  const words = example === undefined ? [] : [...withModel(typed), `--${flag}`, example];
  return mistake(
    typed,
    `Missing required argument: ${flag}`,
    `--${flag}${orLine}`,
    example && `type for example: ${line(typed, words, [example])}`,
  );
}

/**
 * What to say of a word that stands alone: a dataset whose flag was left out, or one of the program's verbs, which
 * comes first.
 */
export function unplaced(typed: Typed, stray: string): UserError {
  const { program, verb, verbs = [] } = typed.command;
  const where = `${program} ${stray}`;
  const got = "an argument without a flag";
  if (isStrayDataset(typed, stray)) {
    const argv = [...withModel({ ...typed, argv: withoutWord(typed.name, typed.argv, stray) })];
    const next = `type: ${line(typed, [...argv, "--dataset", stray])}`;
    return new UserError(where, got, `--dataset ${quoted(stray)}, where it is the dataset`, next);
  }
  const near = verb === undefined ? closeNames(stray, verbs, 1) : [];
  const first = verb === undefined && verbs.length > 0 ? `, or first ${verbs.join(", ")}` : "";
  return new UserError(
    where,
    got,
    perhapsOne(near) ?? `flags and their values${first === "" ? " only" : first}`,
    `type: npx ${program} ${near[0] ?? "--help"}`,
  );
}

function isStrayDataset({ name, argv }: Typed, stray: string): boolean {
  const takesOne = settingsOf(name).some(({ flag }) => flag === "dataset");
  if (!takesOne || isTyped(argv, "dataset") || argv.includes("--")) return false;
  // With a dot at its end a path leads somewhere only where it is a folder.
  return isDatasetName(stray) || (stray !== "" && existsSync(`${stray}/.`));
}

/** What was typed, with a model where nothing of it tells one. */
function withModel({ name, argv }: Typed): readonly string[] {
  const isTold = ["model", "weights", "config"].some((flag) => isTyped(argv, flag));
  return name !== "train" || isTold ? argv : ["--model", "BiT-M-R50x1", ...argv];
}

/** A value that the command's own examples have for a flag, as it is typed; else its default. */
function exampleOf({ examples }: Described, setting: CommandSetting): string | undefined {
  const expression = new RegExp(`--${setting.flag}[ =]('[^']*'|[^\\s']+)`);
  const [found] = examples.flatMap(([typed]) => expression.exec(typed)?.[1] ?? []);
  const { row } = setting;
  const usual = setting.default ?? (row.kind === "choice" ? row.choices[0] : undefined);
  return found ?? (usual === undefined ? undefined : quoted(String(usual)));
}

/** A command line. @param asTyped words that are as a shell takes them */
function line(
  { command }: Typed,
  words: readonly string[],
  asTyped: readonly string[] = [],
): string {
  const { program, verb } = command;
  const typed = words.map((word) => (asTyped.includes(word) ? word : quoted(word)));
  return ["npx", program, ...(verb === undefined ? [] : [verb]), ...typed].join(" ");
}

function mistake(
  { command: { program, verb }, argv }: Typed,
  message: string,
  expected = "flags that the command knows, and their values",
  next = `type: npx ${program}${verb === undefined ? "" : ` ${verb}`} --help`,
): UserError {
  const where = [program, ...(verb === undefined ? [] : [verb]), ...argv].join(" ");
  return new UserError(where, message, expected, next);
}
