/** What was typed, word by word, where the parser of flags has lost it or misread it. */
import { existsSync } from "node:fs";
import { UserError } from "../errors.js";
import { quoted } from "../settings/shell-word.js";
import { isSwitch, settingsOf } from "../settings/table.js";

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
 * The last value that was typed for a flag that takes one, as it was typed.
 * @returns undefined where it stands alone, or nowhere
 */
export function typedValue(argv: readonly string[], flag: string): string | undefined {
  const [word, next] = lastOf(argv, flag);
  return attached(word) ?? next;
}

/**
 * What was typed for a switch with `=`: the word after it is no value of its own.
 * @returns undefined where it stands without, or nowhere
 */
export function attachedValue(argv: readonly string[], flag: string): string | undefined {
  return attached(lastOf(argv, flag)[0]);
}

/** A flag as it was typed last, and the word after it. */
function lastOf(argv: readonly string[], flag: string): readonly string[] {
  const words = ownWords(argv);
  const at = words.findLastIndex((word) => flagIn(word) === flag);
  return at < 0 ? [] : words.slice(at, at + 2);
}

function attached(word = ""): string | undefined {
  return /^[^=]*=(.*)$/s.exec(word)?.[1];
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
  const takesNext = (word: string) => {
    const flag = word.includes("=") ? undefined : flagIn(word);
    if (flag === undefined || flag === "help" || flag === "version") return false;
    return !isSwitch(settings, flag.replace(/^no_/, ""));
  };
  let at = 0;
  while (at < argv.length && argv[at]!.startsWith("-")) at += takesNext(argv[at]!) ? 2 : 1;
  if (at >= argv.length) return undefined;
  const command = argv.slice(at);
  return new UserError(
    `${program} ... ${command[0]}`,
    "the command to run does not stand after --",
    `the flags of ${program}, then --, then the command with its own flags`,
    `type: npx ${[program, ...argv.slice(0, at), "--", ...command].map(quoted).join(" ")}`,
  );
}

/** Whether a flag was typed, in either spelling. */
export function isTyped(argv: readonly string[], flag: string): boolean {
  return ownWords(argv).some((word) => flagIn(word) === flag);
}

/** The words with other flags in the place of some. @param corrections by the names as they were typed, without dashes */
export function correctedFlags(
  argv: readonly string[],
  corrections: ReadonlyMap<string, string>,
): string[] {
  const own = ownWords(argv).length;
  return argv.map((word, at) => {
    const [, name, value = ""] = /^--(?:no-)?([^=]+)(=.*)?$/s.exec(word) ?? [];
    const correct = at < own && name !== undefined ? corrections.get(name) : undefined;
    return correct === undefined ? word : `${correct}${value}`;
  });
}

/** The words with a value for a flag where it was typed last. @param instead of the one that it has */
export function withValue(
  argv: readonly string[],
  flag: string,
  value: string,
  instead = false,
): string[] {
  const at = ownWords(argv).findLastIndex((word) => flagIn(word) === flag);
  if (at < 0) return [...argv, `--${flag}`, value];
  const name = argv[at]!.replace(/=.*$/s, "");
  const rest = instead && attached(argv[at]) === undefined ? at + 2 : at + 1;
  return [...argv.slice(0, at), name, value, ...argv.slice(rest)];
}

/** The words without one that stands alone, and is no flag's value. */
export function withoutWord(command: string, argv: readonly string[], word: string): string[] {
  const settings = settingsOf(command);
  const at = argv.findIndex((one, i) => {
    const before = argv[i - 1] ?? "";
    const flag = before.includes("=") ? undefined : flagIn(before);
    return one === word && (flag === undefined || isSwitch(settings, flag.replace(/^no_/, "")));
  });
  return argv.filter((_, i) => i !== at);
}
