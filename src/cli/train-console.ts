/** Progress of a run: a bar on a terminal, plain lines elsewhere; a signal stops after the step. */
import cliProgress from "cli-progress";
import type { RunEvent, RunObserver, StepEvent } from "../record/run-events.js";
import { describeValidation, pythonExponent } from "../record/run-lines.js";
import { FetchProgress } from "./fetch-progress.js";
import { StopSignals } from "./interrupt.js";
import { output } from "./output.js";

// Elsewhere than on a terminal, a line at most so often: a log of thousands of steps stays readable.
const plainIntervalMs = 5_000;

/** A console for one run. `close` it when the run has ended, however it did. */
export class TrainConsole implements RunObserver {
  private bar: cliProgress.SingleBar | undefined;
  private lastPlainMs = 0;
  private begunMs = 0;
  private readonly fetches = new FetchProgress();
  private readonly stop = new StopSignals({
    stopped: () =>
      this.line(
        "Stopping after this step, or within the evaluation. Press Ctrl-C again to stop at once.",
      ),
  });
  private readonly terminal: NodeJS.WriteStream | undefined;
  private readonly stopAfter: number;
  private steps = 0;

  /** @param stopAfter steps after which the run is to stop, as if the user asked for it */
  constructor({ stopAfter = Number.POSITIVE_INFINITY }: { stopAfter?: number } = {}) {
    // Plain lines where standard output is no terminal: what is kept there has them too.
    this.terminal = output.isSeen ? output.terminal : undefined;
    this.stopAfter = stopAfter;
  }

  readonly signal: AbortSignal = this.stop.signal;

  /** The exit code of a run that was stopped: 130, 143 where SIGTERM did it, 129 where SIGHUP. */
  get stoppedExit(): number {
    return this.stop.exit;
  }

  readonly event = (event: RunEvent): void => {
    if (event.type === "note") this.line(event.text);
    else if (event.type === "validation") this.line(describeValidation(event.at, event));
    else if (event.type === "step") this.progress(event);
    else if (event.type === "fetch")
      this.fetches.fetching(event.file, event.doneBytes, event.totalBytes);
  };

  readonly interrupted = (): boolean => this.signal.aborted || this.steps >= this.stopAfter;

  readonly line = (text: string): void => {
    this.fetches.close();
    this.endBar();
    output.line(text);
  };

  private progress({ step, loss, lr, elapsedMs, totalSteps, startStep }: StepEvent): void {
    const now = performance.now();
    if (this.begunMs === 0) this.begunMs = now - elapsedMs;
    const done = step + 1;
    this.steps = done;
    const perStepMs = (now - this.begunMs) / (done - startStep);
    const left = duration((totalSteps - done) * perStepMs);
    const fields = { loss: loss.toFixed(5), lr: pythonExponent(lr), left };
    if (this.terminal !== undefined) {
      // A bar hides the cursor, and nobody would show it again after a second signal.
      if (this.signal.aborted) return;
      if (this.bar === undefined) {
        const format = "{bar} {value}/{total} | loss {loss} | lr {lr} | {left} left";
        const stream = this.terminal;
        this.bar = new cliProgress.SingleBar({ stream, format, hideCursor: true, barsize: 24 });
        this.bar.start(totalSteps, done, fields);
      } else this.bar.update(done, fields);
      if (done === totalSteps) this.endBar();
    } else if (now - this.lastPlainMs >= plainIntervalMs || done === totalSteps) {
      this.lastPlainMs = now;
      output.line(
        `[step ${step}]: loss=${fields.loss} (lr=${fields.lr}) ${done}/${totalSteps}, ${left} left`,
      );
    }
  }

  close(): void {
    this.fetches.close();
    this.endBar();
    this.stop.close();
  }

  private endBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** `1 h 05 min`, `3 min 20 s`, `12 s`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}
