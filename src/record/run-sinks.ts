/** All that take the events of a run: what is kept in its folder, and who follows it. */
import type { TrainStart } from "../train/train.js";
import { openMetricsFile } from "./metrics-file.js";
import type { RunEvent } from "./run-events.js";
import type { RunFolder } from "./run-folder.js";
import type { RunSink } from "./run-sink.js";
import { openTensorboard } from "./tensorboard/tensorboard-sink.js";
import { openTrainLog } from "./train-log.js";

export interface SinkChoice {
  /** Default: true. */
  readonly tensorboard?: boolean | undefined;
  /** Called before each event, of which nobody is told where it throws. */
  readonly guard?: (() => void) | undefined;
}

function filesIn(folder: RunFolder, tensorboard: boolean): RunSink[] {
  const files = [openTrainLog(folder), openMetricsFile(folder)];
  return tensorboard ? [...files, openTensorboard(folder)] : files;
}

/** Hands each event to every sink. */
export class RunSinks implements RunSink {
  private readonly sinks: readonly RunSink[];
  private readonly guard: (() => void) | undefined;

  /**
   * @param folder undefined: nothing is kept
   * @param followers others than the files, which are told after them
   */
  constructor(
    folder: RunFolder | undefined,
    { tensorboard = true, guard }: SinkChoice = {},
    followers: readonly RunSink[] = [],
  ) {
    this.guard = guard;
    // They begin in this order: TensorBoard's curves are those of `metrics.jsonl`.
    this.sinks = [...(folder === undefined ? [] : filesIn(folder, tensorboard)), ...followers];
  }

  event(event: RunEvent): void {
    this.guard?.();
    for (const sink of this.sinks) sink.event(event);
  }

  async begin(start: TrainStart): Promise<void> {
    this.guard?.();
    for (const sink of this.sinks) await sink.begin?.(start);
  }

  close(): void {
    for (const sink of this.sinks) sink.close?.();
  }

  /** A line for people. */
  info(text: string): void {
    this.event({ type: "note", level: "info", text });
  }

  /** A warning. */
  warn(text: string): void {
    this.event({ type: "note", level: "warning", text });
  }
}
