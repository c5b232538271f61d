/** How every command ends: the exit code, and what is said of an error. */
import { UserError } from "../errors.js";

/** The exit code of a user's mistake. A bug's is 1. */
export const USER_ERROR_EXIT = 2;

/**
 * Runs a command's main function. A UserError is printed without a stack and exits 2; anything else that
 * is thrown is a bug: its stack is printed, exit 1. The code is set, not forced, so that output that is
 * still under way arrives.
 * @param main returns the exit code; nothing means 0
 */
export async function runMain(main: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

/** Prints an error to standard error; returns the exit code that belongs to it. */
export function reportError(error: unknown): number {
  if (error instanceof UserError) {
    console.error(`error: ${error.message}`);
    return USER_ERROR_EXIT;
  }
  console.error(error);
  return 1;
}
