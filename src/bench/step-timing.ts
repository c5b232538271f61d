/** Clocks for steps: time on the wall, processor time, and what other programs took meanwhile. */
import { cpus } from "node:os";

export interface StepTimes {
  /** Of each step, in order. */
  readonly wallMs: readonly number[];
  /** Processor time of each step, over all threads. */
  readonly cpuMs: readonly number[];
  /** Part of all cores' time that other programs took, from 0 to 1. */
  readonly otherShare: number;
}

/**
 * Times `count` steps, one after the other.
 * @param ownCpuMs processor time so far of whatever makes a step; default: of this process
 */
export async function timeSteps(
  count: number,
  step: () => Promise<unknown>,
  ownCpuMs: () => number = processCpuMs,
): Promise<StepTimes> {
  const wallMs: number[] = [];
  const cpuMs: number[] = [];
  const allBefore = coreTimesMs();
  const ownBefore = ownCpuMs();
  for (let i = 0; i < count; i++) {
    const cpuStart = ownCpuMs();
    const start = performance.now();
    await step();
    wallMs.push(performance.now() - start);
    cpuMs.push(ownCpuMs() - cpuStart);
  }
  const own = ownCpuMs() - ownBefore;
  const all = coreTimesMs();
  const busy = all.busy - allBefore.busy;
  const total = busy + all.idle - allBefore.idle;
  // The system counts in hundredths of a second: over a short time the difference may be negative.
  const otherShare = total > 0 ? Math.min(1, Math.max(0, (busy - own) / total)) : 0;
  return { wallMs, cpuMs, otherShare };
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Time that all cores together were busy and idle since the machine started. */
export function coreTimesMs(): { busy: number; idle: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, idle };
}
