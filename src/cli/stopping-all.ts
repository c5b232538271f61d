/** Stops of several processes, as they are heard beside a run, and as rank 0 says them. */
import { Interrupted } from "../errors.js";
import type { Joint } from "../run/joint-run.js";
import { stoppingAll } from "../run/stop-together.js";
import { StopSignals } from "./interrupt.js";
import { output } from "./output.js";

/**
 * Does what processes do beside a run, such as to plan it: a signal ends it at once in all of them.
 * @param joint undefined: of one process, where a signal ends it as it does any other
 * @throws Interrupted where one of the processes was asked to stop, which rank 0 says; what `work` throws
 */
export async function unlessStopped<T>(
  joint: Joint | undefined,
  work: (signal?: AbortSignal) => Promise<T>,
): Promise<T> {
  if (joint === undefined) return work();
  const stop = new StopSignals();
  const { signal } = stop;
  try {
    return await stoppingAll(joint, { signal }, () => work(signal));
  } catch (error) {
    if (error instanceof Interrupted && joint.group.rank === 0)
      output.note(`Stopped${askedOf(error)}.`);
    throw error;
  } finally {
    stop.close();
  }
}

/** Why this process stops, which is rank 0 where there are several: nothing where it was asked itself. */
export function askedOf(stop: Pick<Interrupted, "by" | "rank"> | undefined): string {
  return stop?.rank ? `, as rank ${stop.rank} was asked to (${stop.by})` : "";
}
