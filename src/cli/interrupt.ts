/** Ctrl-C and SIGTERM, for commands that can stop in good order. */
import { constants } from "node:os";

/** What shells give a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM. */
export function signalExit(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

/** What became of work that may be interrupted. */
export type Ended<T> =
  | { readonly stopped: false; readonly value: T }
  | { readonly stopped: true; readonly exit: number };

/**
 * Runs `work` with a signal that the first Ctrl-C or SIGTERM aborts; on the second the system ends the
 * process, also in the middle of a call of the engine, while no JavaScript runs.
 * @param goodbye what to say on standard error when it has stopped
 * @returns what `work` gives, or the exit code where it was interrupted
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  goodbye: () => string,
): Promise<Ended<T>> {
  const controller = new AbortController();
  let exit = signalExit("SIGINT");
  const signals = ["SIGINT", "SIGTERM"] as const;
  const leaveSignals = () => {
    for (const name of signals) process.off(name, stop);
  };
  const stop = (name: NodeJS.Signals) => {
    leaveSignals();
    exit = signalExit(name);
    controller.abort(new Error("interrupted"));
  };
  for (const name of signals) process.on(name, stop);
  try {
    return { stopped: false, value: await work(controller.signal) };
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error(goodbye());
    return { stopped: true, exit };
  } finally {
    leaveSignals();
  }
}
