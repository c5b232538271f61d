/** Ctrl-C, SIGTERM and a closed terminal, for commands that can stop in good order. */
import { constants } from "node:os";
import { Interrupted, type StopSignal, stopSignals } from "../errors.js";
import { isHangupIgnored } from "./nohup.js";
import { output } from "./output.js";

/** What shells give a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. */
export function signalExit(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

/**
 * Within so long, a second signal is the first once more: npm and npx send their own after the
 * terminal's, `timeout` signals its command and then the group.
 */
const sameMs = 500;

const asking = ["SIGINT", "SIGTERM"] as const;
/** What a command ends with that was asked to stop. */
export const stopExits: readonly number[] = stopSignals.map(signalExit);

export interface StopListener {
  /** Told of the first signal. */
  readonly stopped?: (name: NodeJS.Signals) => void;
  /** Told of the next one; where it is left out, the system then ends the process. */
  readonly again?: (name: NodeJS.Signals) => void;
}

/**
 * Hears the signals that ask for a stop. The first aborts `signal`. On the next Ctrl-C or SIGTERM the
 * system ends the process, also in the middle of a call of the engine that keeps JavaScript waiting. A
 * closed terminal is never the reason to end at once: shells pass on what the system has sent already.
 * `close` it when the work has ended.
 */
export class StopSignals {
  private readonly controller = new AbortController();
  private name: StopSignal = "SIGINT";
  private firstMs = 0;

  constructor(private readonly listener: StopListener = {}) {
    for (const name of stopSignals) process.on(name, this.heard);
  }

  /** Aborted by the first signal. */
  readonly signal: AbortSignal = this.controller.signal;

  /** The exit code of what was stopped: 130, 143 or 129. */
  get exit(): number {
    return signalExit(this.name);
  }

  close(): void {
    for (const name of stopSignals) process.off(name, this.heard);
  }

  private readonly heard = (name: StopSignal): void => {
    if (name === "SIGHUP" && (isHangupIgnored() || this.signal.aborted)) return;
    if (this.signal.aborted) {
      if (performance.now() - this.firstMs >= sameMs) this.listener.again?.(name);
      return;
    }
    this.name = name;
    this.firstMs = performance.now();
    this.controller.abort(new Interrupted(name));
    this.listener.stopped?.(name);
    if (this.listener.again !== undefined) return;
    // A timer would not do: it may wait for the engine (the prebuilt one's calls keep JavaScript's thread),
    // and what came meanwhile is forgotten with it.
    pause(sameMs);
    for (const other of asking) process.off(other, this.heard);
  };
}

/** Stops the thread. Signals that come meanwhile are not heard once nobody listens any more. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What became of work that may be interrupted. */
export type Ended<T> =
  | { readonly stopped: false; readonly value: T }
  | { readonly stopped: true; readonly exit: number };

/**
 * Runs `work` with a signal that the first Ctrl-C, SIGTERM or closed terminal aborts.
 * @param goodbye what to say on standard error when it has stopped
 * @returns what `work` gives, or the exit code where it was interrupted
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  goodbye: () => string,
  listener?: StopListener,
): Promise<Ended<T>> {
  const stop = new StopSignals(listener);
  try {
    return { stopped: false, value: await work(stop.signal) };
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    output.note(goodbye());
    return { stopped: true, exit: stop.exit };
  } finally {
    stop.close();
  }
}
