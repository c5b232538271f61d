/** How every command ends: the exit code, and what is said of an error. */
import { inspect } from "node:util";
import { Interrupted, UserError } from "../errors.js";
import { RanksLost } from "../ranks/ranks-lost.js";
import { signalExit } from "./interrupt.js";
import { respectNohup } from "./nohup.js";
import { output, READER_GONE_EXIT, ReaderGone, USER_ERROR_EXIT } from "./output.js";

/** Where another process of the run was lost: as sysexits.h has it, a failure that may not come again. */
export const RANKS_LOST_EXIT = 75;

/** What the user asked to be told instead of any work: `--help`. */
export class HelpAsked extends Error {
  override readonly name = "HelpAsked";
}

/**
 * Runs a command's main function. A UserError is printed without a stack and exits 2; anything else that
 * is thrown is a bug: its stack is printed, exit 1. The code is set, not forced, so that output that is
 * still under way arrives.
 * @param main returns the exit code; nothing means 0
 */
export async function runMain(main: () => Promise<number | undefined>): Promise<void> {
  respectNohup();
  const { code, isLost } = await exitOf(main);
  const ended = await output.ended(code);
  // A step under way waits for a process that is gone, and would keep this one.
  if (isLost) process.exit(ended);
  process.exitCode = ended;
}

/** The exit code, and whether this process is not to end what it had begun: another of the run has ended, or is to. */
async function exitOf(
  main: () => Promise<number | undefined>,
): Promise<{ readonly code: number; readonly isLost: boolean }> {
  try {
    return { code: (await main()) ?? 0, isLost: false };
  } catch (error) {
    if (error instanceof HelpAsked) {
      output.result(error.message);
      return { code: 0, isLost: false };
    }
    const isLost = error instanceof RanksLost || error instanceof Interrupted;
    return { code: reportError(error), isLost };
  }
}

/** Prints an error to standard error; returns the exit code that belongs to it. */
function reportError(error: unknown): number {
  if (error instanceof ReaderGone) return READER_GONE_EXIT;
  if (error instanceof UserError) {
    output.note(`error: ${error.message}`);
    return USER_ERROR_EXIT;
  }
  if (error instanceof RanksLost) {
    output.note(`error: ${error.message}`);
    return error.mistake ? USER_ERROR_EXIT : RANKS_LOST_EXIT;
  }
  // Whoever stopped has said so.
  if (error instanceof Interrupted) return signalExit(error.by);
  output.note(inspect(error));
  return 1;
}
