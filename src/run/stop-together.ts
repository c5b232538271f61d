/** Which of several processes was asked to stop, and by what. */
import { Interrupted, type StopSignal } from "../errors.js";
import type { RunObserver } from "../record/run-events.js";
import type { Joint } from "./joint-run.js";

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

/**
 * Does work by which nothing is lost where it ends in its midst, as all that comes before a run's first step. Where several
 * processes do it, and one of them is asked to stop or is lost, that ends it at once in all.
 * @param joint undefined: of one process, which `work` itself has to stop
 * @throws Interrupted in all processes, RanksLost; what `work` throws
 */
export async function stoppingAll<T>(
  joint: Pick<Joint, "group"> | undefined,
  observer: RunObserver,
  work: () => Promise<T>,
): Promise<T> {
  if (joint === undefined) return work();
  const { group } = joint;
  const stop = () => {
    const by = wishOf(observer);
    if (by !== null) group.stopAll(by);
  };
  stop();
  group.requireTogether();
  const { signal } = observer;
  signal?.addEventListener("abort", stop);
  try {
    return await group.watch(work());
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
