/** Ctrl-C, for commands that can stop in good order. */

/** What shells give a program that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED_EXIT = 130;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; on the second the system ends the process,
 * also in the middle of a call of the engine, while no JavaScript runs.
 * @param goodbye what to say on standard error when it has stopped
 * @returns what `work` gives, or undefined where it was interrupted
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  goodbye: () => string,
): Promise<T | undefined> {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const leaveSignals = () => {
    for (const name of signals) process.off(name, stop);
  };
  const stop = () => {
    leaveSignals();
    controller.abort(new Error("interrupted"));
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error(goodbye());
    return undefined;
  } finally {
    leaveSignals();
  }
}
