/** `bit-train completion`: the script by which a shell completes flags. */
import yargs from "yargs";
import { output } from "./output.js";

/** Prints yargs' script for each program. */
export async function printCompletion(programs: readonly string[]): Promise<number> {
  output.result(programs.map(scriptOf).join("\n"));
  return 0;
}

function scriptOf(program: string): string {
  let script = "";
  yargs([])
    .scriptName(program)
    .completion("completion", false)
    .parseSync(["completion"], {}, (_error, _flags, text) => {
      script = text;
    });
  // Its words on how to install one program's script would mislead: this is the script of all.
  return script.replaceAll(`${program} completion >>`, "bit-train completion >>");
}
