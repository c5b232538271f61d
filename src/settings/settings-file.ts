/** A file of settings, in YAML or JSON: the flags' names and their values. */
import { Lexer, parseDocument } from "yaml";
import { readError, readWhole } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { suggestedSettings } from "./suggest.js";
import { type CommandSetting, isSwitch, settingsOf } from "./table.js";
import { requireValue } from "./values.js";

/** Far more than all settings take. */
const mostBytes = 1 << 16;

/** Letters of a name that none has. */
const mostShown = 80;

/** All settings in braces are one. */
const mostNestings = 20;

const example = "one setting a line, as in   batch: 64";

/**
 * Reads the settings of a command from a file. Names are those of flags, in either spelling; values are of
 * the same kinds, numbers without quotes.
 * @returns checked values by the settings' names
 * @throws UserError where the file cannot be read, names what is no setting of the command, or has a value
 *   that is none of its setting's
 */
export async function readSettingsFile(
  command: string,
  path: string,
): Promise<ReadonlyMap<string, unknown>> {
  const settings = settingsOf(command).filter(({ name }) => name !== "config");
  const values = new Map<string, unknown>();
  for (const [key, value] of await entriesOf(path)) {
    const setting = settings.find(({ flag }) => flag === key.replaceAll("-", "_"));
    if (setting === undefined) {
      const name = key.slice(0, mostShown);
      const flags = settings.map(({ flag }) => flag);
      throw new UserError(
        path,
        `${name} is no setting`,
        switchedOff(settings, name) ??
          onlyTyped(name) ??
          suggestedSettings(command, name) ??
          `${flags[0]}, ... as in --help`,
        "correct the name, or remove the line",
      );
    }
    const where = `${path}, ${key}`;
    if (values.has(setting.name))
      throw new UserError(where, "stands twice", "each setting once", "remove one of the lines");
    requireValue(setting.row, value, { where, next: "correct the value, or remove the line" });
    values.set(setting.name, value);
  }
  return values;
}

/** What is said of `config`, which a file cannot name. */
function onlyTyped(name: string): string | undefined {
  return name === "config"
    ? "one file, which names no other: --config is for the command line"
    : undefined;
}

/** How a file says what `--no-save` does; undefined where a name is no such flag's. */
function switchedOff(settings: readonly CommandSetting[], name: string): string | undefined {
  const flag = name.replaceAll("-", "_").replace(/^no_/, "");
  return isSwitch(settings, flag) ? `${flag}: false` : undefined;
}

async function entriesOf(path: string): Promise<[string, unknown][]> {
  const text = await textOf(path);
  const value = parsed(path, text);
  // A file of comments alone asks for nothing.
  if (value === null || value === undefined) return [];
  const entries = value instanceof Map ? [...value.entries()] : undefined;
  if (entries?.every(isNamed) === true) return entries;
  throw new UserError(path, "holds something else", "names and their values", `write ${example}`);
}

function isNamed(entry: readonly [unknown, unknown]): entry is [string, unknown] {
  return typeof entry[0] === "string";
}

async function textOf(path: string): Promise<string> {
  const next = `check --config; in the file stands ${example}`;
  const bytes = await readWhole(path, mostBytes).catch((error: unknown) => {
    throw readError(path, error, next);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(path, "is not text in UTF-8", "YAML or JSON", next);
  }
}

/** JSON is YAML too. Warnings, as of tags that nothing knows, count as errors. */
function parsed(path: string, text: string): unknown {
  try {
    if (nestings(text) > mostNestings) throw new Error("it is nested");
    const document = parseDocument(text);
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS({ mapAsMap: true });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [line] = error.message.split("\n");
    throw new UserError(
      path,
      `cannot be read as YAML or JSON: ${line!.replace(/:$/, "")}`,
      example,
      "correct the file",
      { cause: error },
    );
  }
}

/**
 * How often a collection begins. The parser follows nesting by recursion, and Node ends a process whose
 * stack is exhausted where a regular expression is compiled. (Nesting by indentation is bounded by the
 * file's size.)
 */
function nestings(text: string): number {
  let count = 0;
  for (const token of new Lexer().lex(text)) if (["[", "{", "-", "?"].includes(token)) count++;
  return count;
}
