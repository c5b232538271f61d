/** Where the events of a run go: a file of its folder, a terminal, a program. */
import type { TrainStart } from "../train/train.js";
import type { RunEvent } from "./run-events.js";

/** Takes every event, in order. What it throws ends the run. */
export interface RunSink {
  event(event: RunEvent): void;
  /**
   * Is told before the first step where training begins, and again where a run that ran out of memory goes
   * back: what it holds of later steps is made again.
   */
  begin?(start: TrainStart): Promise<void>;
  /** Whatever became of the run; nothing comes after it. */
  close?(): void;
}
