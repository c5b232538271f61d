/**
 * The thread that renews a lock: its owner's own may stand still for minutes in a call of the engine.
 * What it writes gives the lock the time of the disk's own clock.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

/** What the thread is started with. */
export interface Renewal {
  /** Of the lock's file, whatever has taken its name since: another's lock is not touched. */
  readonly descriptor: number;
  /** What the lock holds already. */
  readonly text: string;
  readonly everyMs: number;
}

const { descriptor, text, everyMs } = workerData as Renewal;

function renew(): void {
  try {
    writeSync(descriptor, text, 0);
  } catch {
    // Whoever takes the lock over is told of when the owner next asks whether it still holds it.
  }
}

renew();
setInterval(renew, everyMs);
