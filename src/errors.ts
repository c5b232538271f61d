/**
 * A user's mistake: bad input, a missing file, a full disk. The command line prints it without a
 * stack and exits 2. Anything else that is thrown is a bug: stack, exit 1.
 */
export class UserError extends Error {
  override readonly name = "UserError";

  /**
   * @param where what was looked at: a file, a flag, a variable
   * @param got what was found there
   * @param expected what would have been right
   * @param nextStep what to do or to type next
   */
  constructor(
    readonly where: string,
    readonly got: string,
    readonly expected: string,
    readonly nextStep: string,
    options?: ErrorOptions,
  ) {
    super(`${where}: ${got}\n  expected: ${expected}\n  next: ${nextStep}`, options);
  }
}

/** The signals that ask a program to stop. */
export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type StopSignal = (typeof stopSignals)[number];

/** What work ends with that was asked to stop: the reason of its `AbortSignal`. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  /**
   * @param by what asked for it: SIGINT for Ctrl-C
   * @param rank the process that was asked, where it is another one of those that train together
   */
  constructor(
    readonly by: StopSignal,
    readonly rank?: number,
  ) {
    super("interrupted");
  }
}

/** The `code` of a Node system error (`ENOENT`, `EACCES`, ...), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string")
    return error.code;
  return undefined;
}
