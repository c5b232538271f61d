/** How a program of bin/ becomes one of the registry's commands, and how that is run. */

import { type Commands, commands } from "./commands.js";
import { completionFlag, completionsFor } from "./completion-words.js";
import { HelpAsked } from "./exit.js";
import { findCommand, type RegisteredName, verbsOf } from "./find-command.js";
import { parseFlags } from "./flags.js";

/**
 * Runs what was typed after a program's name.
 * @returns the exit code
 * @throws HelpAsked for `--help`, `--version` and completions
 * @throws UserError for a user's mistake
 */
export async function runProgram(program: string, argv: readonly string[]): Promise<number> {
  if (argv[0] === completionFlag) throw new HelpAsked(completionsFor(program, argv.slice(2)));
  const name = findCommand(program, argv[0]);
  return runCommand(name, commands[name].verb === undefined ? argv : argv.slice(1));
}

async function runCommand<Name extends RegisteredName>(
  name: Name,
  argv: readonly string[],
): Promise<number> {
  const command: Commands[Name] = commands[name];
  const described = { ...command, verbs: verbsOf(command.program) };
  const call = await parseFlags(name, described, argv);
  const { run } = await command.load();
  return run(call);
}
