/** What was typed, word by word, where the parser of flags has lost it or misread it. */
import { existsSync } from "node:fs";
import { UserError } from "../errors.js";
import { type CommandSetting, settingsOf } from "../settings/table.js";

/** The words that are flags and their values: those before `--`. */
function ownWords(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}

/** The name of a flag in snake_case; undefined where a word is none. */
function flagIn(word: string): string | undefined {
  return /^--([^=]+)/.exec(word)?.[1]?.replaceAll("-", "_");
}

/**
 * The last value that was typed for a flag, as it was typed.
 * @returns undefined where it stands alone, or nowhere
 */
export function typedValue(argv: readonly string[], flag: string): string | undefined {
  const words = ownWords(argv);
  const at = words.findLastIndex((word) => flagIn(word) === flag);
  if (at < 0) return undefined;
  const sign = words[at]!.indexOf("=");
  return sign < 0 ? words[at + 1] : words[at]!.slice(sign + 1);
}

/** How to type a value that begins with a dash for the flag that lacks one; undefined where there is none. */
export function dashedValue(argv: readonly string[], flag: string): string | undefined {
  const value = typedValue(argv, flag);
  if (value === undefined || !/^-\w/.test(value)) return undefined;
  return `--${flag}=${value} where the value begins with a dash`;
}

/** What to say of a path that begins with a dash, or of a flag with one dash; undefined where there is none. */
export function dashedWord(program: string, argv: readonly string[]): UserError | undefined {
  const words = ownWords(argv);
  const word = words.find((one) => /^-[^-\d.]/.test(one) || (/^--./.test(one) && existsSync(one)));
  if (word === undefined) return undefined;
  const path = `./${word}`;
  return new UserError(
    `${program} ${word}`,
    "begins with a dash, as flags do",
    `--${word.replace(/^-+/, "")} where it is a flag, ${path} where it is a path`,
    existsSync(word) ? `type ${path} for the file of this name` : `type: npx ${program} --help`,
  );
}

/**
 * What to say where the command that a program is to run does not stand after `--`.
 * @returns undefined where it does
 */
export function withoutDashes(
  { program, name }: { readonly program: string; readonly name: string },
  argv: readonly string[],
): UserError | undefined {
  if (argv.includes("--")) return undefined;
  const settings = settingsOf(name);
  const takesNext = (word: string) => !word.includes("=") && !isSwitch(settings, word);
  let at = 0;
  while (at < argv.length && argv[at]!.startsWith("-")) at += takesNext(argv[at]!) ? 2 : 1;
  if (at >= argv.length) return undefined;
  const command = argv.slice(at);
  return new UserError(
    `${program} ... ${command[0]}`,
    "the command to run does not stand after --",
    `the flags of ${program}, then --, then the command with its own flags`,
    `type: npx ${[program, ...argv.slice(0, at), "--", ...command].join(" ")}`,
  );
}

function isSwitch(settings: readonly CommandSetting[], word: string): boolean {
  const flag = flagIn(word);
  if (flag === undefined || flag === "help" || flag === "version") return true;
  const named = (name: string) =>
    settings.some((one) => one.flag === name && one.row.kind === "boolean");
  return named(flag) || named(flag.replace(/^no_/, ""));
}
