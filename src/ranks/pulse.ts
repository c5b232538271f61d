/**
 * Whether this process has stood still so long that the others go on without it: stopped by a signal, or with
 * its machine, or for want of a processor. One thread gives the pulse, all threads may look at it. After a pause the
 * one that gives it asks the others, and the rest wait for what comes of that: nothing is written meanwhile.
 */
import { uptime } from "node:os";
import type { FileSystem } from "../disk/file-system.js";
import { guardedFiles } from "../disk/guarded-files.js";

/** The pulse is given so often. */
export const pulseMs = 250;
/**
 * A pause after which the others may have given this process up: seconds less than the silence that they
 * bear (`silenceMs`), with room for timers that are late.
 */
export const standstillMs = 5000;

/** So long it is waited for what the others say. */
const answerMs = 5000;

const notYet = 0n;
/** Of a process that has stood still, for good. */
const stoodStill = -1n;

export class Pulse {
  private readonly last: BigInt64Array<SharedArrayBuffer>;

  /**
   * @param memory of a pulse that another thread has; default: a new one, which was not given yet
   * @param nowMs a clock that goes on while the process, or its machine, stands still
   * @param patienceMs how long a thread waits for what the others say
   */
  constructor(
    readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8),
    private readonly nowMs: () => number = machineMs,
    private readonly patienceMs: number = answerMs,
  ) {
    this.last = new BigInt64Array(memory);
  }

  /** Gives the pulse: in time, or once the others have said that they have not gone on without this process. */
  give(): void {
    this.change(Atomics.load(this.last, 0), BigInt(Math.round(this.nowMs())));
  }

  /** Gives it unless the last one was too long ago: where nobody is there any more who might say anything. */
  giveOn(): void {
    if (this.paused) this.stop();
    else this.give();
  }

  /** Gives none any more, for good. */
  stop(): void {
    this.change(Atomics.load(this.last, 0), stoodStill);
  }

  /** Whether none is given any more. */
  get over(): boolean {
    return Atomics.load(this.last, 0) === stoodStill;
  }

  /** Whether the last one was so long ago that the others may have gone on; that is not waited for. */
  get paused(): boolean {
    return this.isPause(Atomics.load(this.last, 0));
  }

  /** Whether the process has stood still, and the others have gone on. Not for the thread that asks them. */
  get stopped(): boolean {
    for (;;) {
      const last = Atomics.load(this.last, 0);
      if (!this.isPause(last)) return false;
      if (last === stoodStill) return true;
      if (Atomics.wait(this.last, 0, last, this.patienceMs) === "timed-out")
        this.change(last, stoodStill);
    }
  }

  private isPause(last: bigint): boolean {
    if (last === notYet || last === stoodStill) return last === stoodStill;
    return this.nowMs() - Number(last) > standstillMs;
  }

  private change(from: bigint, to: bigint): void {
    if (from === stoodStill) return;
    Atomics.compareExchange(this.last, 0, from, to);
    Atomics.notify(this.last, 0);
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
