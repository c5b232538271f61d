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

/** The `code` of a Node system error (`ENOENT`, `EACCES`, ...), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string")
    return error.code;
  return undefined;
}
