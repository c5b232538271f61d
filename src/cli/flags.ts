/** Flags of the commands, as the table of settings has them, parsed by yargs; mistakes become UserErrors. */
import yargs, { type Options } from "yargs";
import { UserError } from "../errors.js";
import { packageVersion } from "../package-root.js";
import { requireActing } from "../settings/idle-settings.js";
import { type CommandSetting, settingsOf } from "../settings/table.js";
import { completeSettings, requireValue } from "../settings/values.js";
import type { Call } from "./command.js";
import { HelpAsked } from "./exit.js";
import { type Described, explained, missingFlag, unplaced } from "./flag-mistakes.js";
import { attachedValue, typedValue, withoutDashes } from "./typed-words.js";

/** The parser of a command's flags; what it does not know it throws as a UserError. */
export function flagParser(name: string, command: Described, argv: readonly string[]) {
  const flags = Object.fromEntries(
    settingsOf(name).map((setting) => [setting.flag, yargsOptions(setting)]),
  );
  // Not as yargs' own examples, which stand in two columns: a broken line cannot be copied.
  const examples = command.examples.map(([line, what]) => `  ${line}\n      ${what}`);
  return (
    yargs([...argv])
      .scriptName(command.program)
      .usage(`${command.usage}\n\n${command.description}`)
      .options(flags)
      .parserConfiguration({
        "camel-case-expansion": false,
        "strip-aliased": true,
        "duplicate-arguments-array": false,
        // A file may be called 007.
        "parse-positional-numbers": false,
      })
      .strictOptions()
      // yargs would look for a package.json above, and takes none where the package is installed.
      .version(packageVersion())
      .help()
      .epilogue(["Examples:", ...examples].join("\n"))
      .wrap(100)
      .fail((message, error) => {
        // A flag without its value is a YError, where other mistakes are words alone.
        if (error && error.name !== "YError") throw error;
        const text = message ?? error.message;
        throw explained({ name, command, argv }, text);
      })
  );
}

const yargsTypes: Readonly<Record<CommandSetting["row"]["kind"], "number" | "boolean" | "string">> =
  {
    ...{ integer: "number", number: "number", share: "number" },
    ...{ boolean: "boolean", text: "string", path: "string", choice: "string" },
  };

/** A setting in yargs' words. It fills in no default: what was not given may come from elsewhere. */
function yargsOptions(setting: CommandSetting): Options {
  const { row, flag, help, otherwise, required } = setting;
  const kebab = flag.replaceAll("_", "-");
  const note = otherwise === undefined ? "" : ` [default: ${otherwise}]`;
  return {
    type: yargsTypes[row.kind],
    requiresArg: row.kind !== "boolean",
    describe: `${help}${note}${required ? " [required]" : ""}`,
    ...(kebab === flag ? {} : { alias: kebab }),
    ...(row.kind === "choice" ? { choices: row.choices } : {}),
    ...(setting.default === undefined
      ? {}
      : { defaultDescription: JSON.stringify(setting.default) }),
  };
}

/**
 * Parses a command line. Every flag in snake_case works in kebab-case as well. What is not given here, a
 * file may have that `--config` names.
 * @param name the command's in the table of settings
 * @throws HelpAsked for `--help` and `--version`
 * @throws UserError for an unknown flag, a missing one, or a value that is none of its kind
 */
export async function parseFlags<Name extends string>(
  name: Name,
  command: Described,
  argv: readonly string[],
): Promise<Call<Name>> {
  if (argv.length === 0 && command.needsArguments === true) throw nothingGiven(command);
  const { program, otherFlags } = command;
  const undivided = otherFlags === undefined ? undefined : withoutDashes({ program, name }, argv);
  if (undivided !== undefined) throw undivided;
  let help = "";
  // With a listener, yargs neither prints nor ends the process.
  const parsed = flagParser(name, command, argv).parseSync(
    [...argv],
    {},
    (_error, _flags, text) => {
      help = text;
    },
  );
  if (help !== "") throw new HelpAsked(help);
  const [stray] = parsed._;
  if (stray !== undefined && command.positional !== true)
    throw unplaced({ name, command, argv }, String(stray));
  const given = new Map<string, unknown>();
  for (const setting of settingsOf(name)) {
    const value: unknown = parsed[setting.flag];
    if (value === undefined) continue;
    const where = `--${setting.flag}`;
    const next = Number.isNaN(value)
      ? `type: npx ${command.program} --help`
      : `give another ${where}`;
    requireValue(setting.row, misread(argv, setting, value) ?? value, { where, next });
    given.set(setting.name, value);
  }
  const file = given.get("config");
  const inFile = typeof file === "string" ? await settingsIn(name, file) : [];
  const missing = (setting: CommandSetting) => {
    const inIt = typeof file === "string" ? `, or a line   ${setting.flag}: ...   in ${file}` : "";
    return missingFlag({ name, command, argv }, setting, inIt);
  };
  const settings = completeSettings(name, new Map([...inFile, ...given]), missing);
  requireActing(name, settings);
  return {
    settings,
    positional: parsed._.map(String),
    argv,
  };
}

/**
 * What was typed, where yargs has made another value of it: nothing is 0 for it, a word no number, and a switch is
 * off with any word but true.
 */
function misread(
  argv: readonly string[],
  { flag, row }: CommandSetting,
  value: unknown,
): string | undefined {
  if (row.kind === "boolean") {
    const typed = attachedValue(argv, flag);
    return typed === "true" || typed === "false" ? undefined : typed;
  }
  if (typeof value !== "number") return undefined;
  const typed = typedValue(argv, flag);
  return Number.isNaN(value) || typed?.trim() === "" ? typed : undefined;
}

/** Imports the parser of files only where there is one: help and completion do without. */
async function settingsIn(command: string, path: string): Promise<ReadonlyMap<string, unknown>> {
  const { readSettingsFile } = await import("../settings/settings-file.js");
  return readSettingsFile(command, path);
}

/** What is said where nothing was typed but the command's name: the shortest ways to go on. */
function nothingGiven({ program, usage, examples }: Described): UserError {
  const lines = examples.map(([line, what]) => `\n    ${line}\n        ${what}`);
  return new UserError(
    program,
    "no argument is given",
    usage,
    `type for example${lines.join("")}\n  all flags: npx ${program} --help`,
  );
}
