/** Progress of a run: a bar on a terminal, plain lines elsewhere; a signal stops after the step. */
import cliProgress from "cli-progress";
import type { RunConsole } from "../run/fine-tune.js";
import { pythonExponent } from "../run/run-log.js";
import { FetchProgress } from "./fetch-progress.js";
import { signalExit } from "./interrupt.js";

// Elsewhere than on a terminal, a line at most so often: a log of thousands of steps stays readable.
const plainIntervalMs = 5_000;

/** A console for one run. `close` it when the run has ended, however it did. */
export class TrainConsole implements RunConsole {
  private bar: cliProgress.SingleBar | undefined;
  private lastPlainMs = 0;
  private begunMs = 0;
  private readonly stop = new AbortController();
  private readonly fetches = new FetchProgress();
  private readonly onSignal = (name: NodeJS.Signals) => {
    // The system ends the process on the next one, also in the middle of a call of the engine, while
    // no JavaScript runs.
    this.leaveSignals();
    this.code = signalExit(name);
    this.stop.abort(new Error("interrupted"));
    this.line(
      "Stopping after this step, or within the evaluation. Press Ctrl-C again to stop at once.",
    );
  };
  private code = signalExit("SIGINT");

  private readonly terminal: boolean;
  private readonly stopAfter: number;
  private steps = 0;

  /**
   * @param terminal whether standard output shows a bar
   * @param stopAfter steps after which the run is to stop, as if the user asked for it
   */
  constructor({
    terminal = process.stdout.isTTY === true,
    stopAfter = Number.POSITIVE_INFINITY,
  }: { terminal?: boolean; stopAfter?: number } = {}) {
    this.terminal = terminal;
    this.stopAfter = stopAfter;
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  readonly signal: AbortSignal = this.stop.signal;

  /** The exit code of a run that was stopped: 130, or 143 where SIGTERM did it. */
  get stoppedExit(): number {
    return this.code;
  }

  readonly fetching = this.fetches.fetching;

  readonly interrupted = (): boolean => this.signal.aborted || this.steps >= this.stopAfter;

  readonly line = (text: string): void => {
    this.fetches.close();
    this.endBar();
    console.log(text);
  };

  readonly progress: NonNullable<RunConsole["progress"]> = (report, totalSteps, startStep) => {
    const { step, loss, lr } = report;
    const now = performance.now();
    if (this.begunMs === 0) this.begunMs = now - report.elapsedMs;
    const done = step + 1;
    this.steps = done;
    const perStepMs = (now - this.begunMs) / (done - startStep);
    const left = duration((totalSteps - done) * perStepMs);
    const fields = { loss: loss.toFixed(5), lr: pythonExponent(lr), left };
    if (this.terminal) {
      // A bar hides the cursor, and nobody would show it again after a second signal.
      if (this.signal.aborted) return;
      if (this.bar === undefined) {
        const format = "{bar} {value}/{total} | loss {loss} | lr {lr} | {left} left";
        this.bar = new cliProgress.SingleBar({ format, hideCursor: true, barsize: 24 });
        this.bar.start(totalSteps, done, fields);
      } else this.bar.update(done, fields);
      if (done === totalSteps) this.endBar();
    } else if (now - this.lastPlainMs >= plainIntervalMs || done === totalSteps) {
      this.lastPlainMs = now;
      console.log(
        `[step ${step}]: loss=${fields.loss} (lr=${fields.lr}) ${done}/${totalSteps}, ${left} left`,
      );
    }
  };

  close(): void {
    this.fetches.close();
    this.endBar();
    this.leaveSignals();
  }

  private leaveSignals(): void {
    process.off("SIGINT", this.onSignal);
    process.off("SIGTERM", this.onSignal);
  }

  private endBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** `1 h 05 min`, `3 min 20 s`, `12 s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}
