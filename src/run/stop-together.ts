/** Which of several processes was asked to stop, and by what. */
import { Interrupted, type StopSignal } from "../errors.js";
import type { RunObserver } from "../record/run-events.js";

/** By what this process was asked to stop, for the others; null where it was not. */
export function wishOf({ signal }: RunObserver): StopSignal | null {
  if (signal?.aborted !== true) return null;
  return signal.reason instanceof Interrupted ? signal.reason.by : "SIGINT";
}

/** By what a process was asked to stop, and which. */
export interface Stop {
  readonly by: StopSignal;
  readonly rank: number;
}

/** The lowest rank that was asked. @param wishes of all ranks, as `wishOf` has them */
export function stopAmong(wishes: readonly unknown[]): Stop | undefined {
  const all = wishes as readonly (StopSignal | null)[];
  const rank = all.findIndex((wish) => wish !== null);
  return rank < 0 ? undefined : { rank, by: all[rank]! };
}
