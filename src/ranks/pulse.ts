/**
 * Whether this process has stood still so long that the others go on without it: stopped by a signal, or with
 * its machine. One thread gives the pulse, all threads may look at it.
 */
import { uptime } from "node:os";
import type { FileSystem } from "../disk/file-system.js";
import { guardedFiles } from "../disk/guarded-files.js";

/** The pulse is given so often. */
export const pulseMs = 250;
/**
 * A pause after which the others may have given this process up: a beat less than the silence that they
 * bear (`silenceMs`), with room for timers that are late.
 */
export const standstillMs = 5000;

const notYet = 0n;
/** Of a process that has stood still, for good. */
const stoodStill = -1n;

export class Pulse {
  private readonly last: BigInt64Array<SharedArrayBuffer>;

  /**
   * @param memory of a pulse that another thread has; default: a new one, which was not given yet
   * @param nowMs a clock that goes on while the process, or its machine, stands still
   */
  constructor(
    readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8),
    private readonly nowMs: () => number = machineMs,
  ) {
    this.last = new BigInt64Array(memory);
  }

  /** Gives the pulse, unless the last one was too long ago: then none is given any more. */
  give(): void {
    const last = this.stopped ? stoodStill : BigInt(Math.round(this.nowMs()));
    Atomics.store(this.last, 0, last);
  }

  /** Whether the process has stood still. */
  get stopped(): boolean {
    const last = Atomics.load(this.last, 0);
    if (last === notYet || last === stoodStill) return last === stoodStill;
    return this.nowMs() - Number(last) > standstillMs;
  }
}

/** What is said of a rank that has stood still. */
export function standstillOf(rank: number): string {
  return `rank ${rank} has stood still for more than ${standstillMs / 1000} s, and the others have gone on without it`;
}

/** Since the machine's start, sleep included. */
function machineMs(): number {
  return 1000 * uptime();
}

/** Files that a process writes to no more once it has stood still, not even what it had begun. */
export function filesWhile(pulse: Pulse): FileSystem {
  return guardedFiles(() => {
    if (pulse.stopped) throw new Error("this process has stood still: it writes nothing any more");
  });
}
