/** The names of the commands, and which of them a program and its first argument mean. */
import { type Commands, commands } from "./commands.js";

/** A command's name in the registry. */
export type RegisteredName = keyof Commands;

/** All names, in the order in which lists have them. */
export const commandNames: readonly RegisteredName[] = Object.keys(commands).filter(isCommand);

function isCommand(name: string): name is RegisteredName {
  return Object.hasOwn(commands, name);
}

/** The words that a program's first argument may be. */
export function verbsOf(program: string): string[] {
  return commandNames.flatMap((name) => {
    const command = commands[name];
    return command.program === program && command.verb !== undefined ? [command.verb] : [];
  });
}

/** The command that a program runs where its first argument is `word`: one of its verbs, or its own. */
export function findCommand(program: string, word: string | undefined): RegisteredName {
  const own = commandNames.filter((name) => commands[name].program === program);
  const found =
    own.find((name) => word !== undefined && commands[name].verb === word) ??
    own.find((name) => commands[name].verb === undefined);
  if (found === undefined) throw new Error(`No command of ${program}`);
  return found;
}
