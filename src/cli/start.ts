/** How every script in bin/ starts its command. */
import { readFileSync } from "node:fs";
import { UserError } from "../errors.js";
import { runMain } from "./exit.js";

/** Node loads a command's modules many at a time, and reports the lack of a file as that of a module. */
const openFilesNeeded = 256;

/**
 * Runs a program of bin/ to its end, as `runMain` does. Its modules are many, and not loaded before the
 * process is fit for them.
 */
export async function start(program: string): Promise<void> {
  await runMain(async () => {
    requireOpenFiles(openFilesLimit());
    requireFolder();
    const { runProgram } = await import("./run-command.js");
    return runProgram(program, process.argv.slice(2));
  });
}

/**
 * Refuses what could not even load.
 * @param limit files that the process may have open; undefined where nobody says
 * @throws UserError where they are too few
 */
export function requireOpenFiles(limit: number | undefined): void {
  if (limit === undefined || limit >= openFilesNeeded) return;
  throw new UserError(
    "limit of open files",
    `${limit} (ulimit -n)`,
    `${openFilesNeeded} or more`,
    "type: ulimit -n 1024, in a new shell where this one may not raise it",
  );
}

/** @throws UserError where the folder that the process was started in is there no more */
function requireFolder(): void {
  try {
    process.cwd();
  } catch {
    throw new UserError(
      "current folder",
      "it was removed",
      "a folder to take paths from",
      "go to one that is there: cd ..., also where one of the same name was made again",
    );
  }
}

/** Node raises its own limit to the hard one at once. */
function openFilesLimit(): number | undefined {
  try {
    const match = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
