/** What a shell is offered to complete a word with. */
import { commands } from "./commands.js";
import { findCommand, verbsOf } from "./find-command.js";
import { flagParser } from "./flags.js";

/** What the shell's script asks a program with, before the words that were typed so far. */
export const completionFlag = "--get-yargs-completions";

/**
 * The flags, their choices and the verbs that may stand where the last word does, a line each. Where a
 * file may stand too, there is none: the shell then completes files.
 * @param words what was typed after the program's name, the last of them unfinished
 */
export function completionsFor(program: string, words: readonly string[]): string {
  const current = words.at(-1) ?? "";
  const name = findCommand(program, words[0]);
  let text = "";
  flagParser(name, commands[name], words).parseSync(
    [completionFlag, program, ...words],
    {},
    (_error, _flags, output) => {
      text = output;
    },
  );
  const lines = text.split("\n").filter((line) => line !== "");
  if (current.startsWith("-")) return lines.join("\n");
  const verbs = words.length <= 1 ? verbsOf(program) : [];
  return [...verbs, ...lines.filter((line) => !line.startsWith("-"))].join("\n");
}
