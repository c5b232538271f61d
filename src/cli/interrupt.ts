/** Ctrl-C, for commands that can stop in good order. */

/** What shells give a program that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED_EXIT = 130;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; the second ends the process at once.
 * @param goodbye what to say on standard error when it has stopped
 * @returns what `work` gives, or undefined where it was interrupted
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  goodbye: () => string,
): Promise<T | undefined> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT);
    controller.abort(new Error("interrupted"));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error(goodbye());
    return undefined;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}
