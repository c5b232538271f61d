/** Progress of a run: a bar on a terminal, plain lines elsewhere; a signal stops after the step. */

import { counted } from "../counted.js";
import { durationText } from "../record/duration-text.js";
import type { RunEvent, RunObserver, StepEvent } from "../record/run-events.js";
import { describeValidation, pythonExponent } from "../record/run-lines.js";
import { lossDecay, SmoothedMean } from "../record/smoothed-mean.js";
import { Bar, type BarState, type Piece } from "./bar.js";
import { FetchProgress } from "./fetch-progress.js";
import { StopSignals } from "./interrupt.js";
import { output } from "./output.js";

// Elsewhere than on a terminal, a line at most so often: a log of thousands of steps stays readable.
const plainIntervalMs = 5_000;
// A shorter first step is mostly its beginning: of a frozen body's head, a hundred of those that follow.
const tellingFirstMs = 10_000;
// What a step's time weighs of the next one's.
const timeDecay = 0.9;

/** Where a console writes. */
export interface ConsolePlace {
  readonly line: (text: string) => void;
  /** To draw a bar on; plain lines where there is none. */
  readonly terminal: NodeJS.WriteStream | undefined;
}

/** On standard output, where nothing else is wanted there. */
export function standardOutput(): ConsolePlace {
  // Plain lines where standard output is no terminal: what is kept there has them too.
  const terminal = output.isSeen ? output.terminal : undefined;
  return { line: (text) => output.line(text), terminal };
}

/** On standard error, where standard output is for programs. */
export function standardError(): ConsolePlace {
  return { line: (text) => output.note(text), terminal: output.terminal };
}

/** How far a pass over images is. */
interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Steps of this part of a run: the last one's time, how many are made, how many are left. */
interface Made {
  readonly elapsedMs: number;
  readonly made: number;
  readonly open: number;
}

export interface ConsoleOptions {
  /** Steps after which the run is to stop, as if the user asked for it. */
  readonly stopAfter?: number | undefined;
  /** Default: standard output. */
  readonly place?: ConsolePlace;
}

/** A console for one run. `close` it when the run has ended, however it did. */
export class TrainConsole implements RunObserver {
  private readonly bar: Bar | undefined;
  /** What the bar shows; undefined: nothing is under way. */
  private shown: BarState | undefined;
  private lastPlainMs = 0;
  private firstDoneMs = 0;
  private imagesSince: { readonly done: number; readonly ms: number } | undefined;
  private readonly loss = new SmoothedMean(lossDecay);
  private readonly stepMs = new SmoothedMean(timeDecay);
  private size: { readonly batch: number; readonly trainSize: number } | undefined;
  private readonly fetches = new FetchProgress();
  private readonly stop = new StopSignals({
    stopped: () => {
      // A bar hides the cursor, and nobody would show it again after a second signal.
      this.shown = undefined;
      this.line(
        "Stopping after this step, or within the evaluation or the report. Press Ctrl-C again to stop at once.",
      );
    },
  });
  private readonly place: ConsolePlace;
  private readonly stopAfter: number;
  private steps = 0;

  constructor({
    stopAfter = Number.POSITIVE_INFINITY,
    place = standardOutput(),
  }: ConsoleOptions = {}) {
    this.place = place;
    if (place.terminal !== undefined) this.bar = new Bar(place.terminal);
    this.stopAfter = stopAfter;
  }

  readonly signal: AbortSignal = this.stop.signal;

  /** The exit code of a run that was stopped: 130, 143 where SIGTERM did it, 129 where SIGHUP. */
  get stoppedExit(): number {
    return this.stop.exit;
  }

  readonly event = (event: RunEvent): void => {
    if (event.type === "note") this.line(event.text);
    else if (event.type === "start") this.size = event.config;
    else if (event.type === "step") this.progress(event);
    else if (event.type === "evaluating") this.images("evaluating", event);
    else if (event.type === "features") this.images("features", event);
    else if (event.type === "fetch")
      this.fetches.fetching(event.file, event.doneBytes, event.totalBytes);
    else if (event.type === "validation") {
      this.imagesSince = undefined;
      this.shown = undefined;
      this.line(describeValidation(event.at, event));
    }
  };

  readonly interrupted = (): boolean => this.signal.aborted || this.steps >= this.stopAfter;

  readonly line = (text: string): void => {
    this.fetches.close();
    this.bar?.clear();
    this.place.line(text);
    // A step may take a minute: what is under way stays in sight.
    if (this.shown !== undefined) this.bar?.show(this.shown);
  };

  private progress({ step, loss, lr, elapsedMs, totalSteps, startStep }: StepEvent): void {
    const now = performance.now();
    const done = step + 1;
    this.steps = done;
    const left = this.left({ elapsedMs, made: done - startStep, open: totalSteps - done }, now);
    const smoothed = this.loss.next(loss);
    const stepMs = this.stepMs.next(elapsedMs);
    if (this.bar !== undefined) {
      const { batch = 0, trainSize = 0 } = this.size ?? {};
      this.show(
        {
          share: done / totalSteps,
          pieces: [
            { text: `${done}/${totalSteps}`, rank: 9 },
            ...piece(trainSize > 0, `epoch ${((done * batch) / trainSize).toFixed(1)}`, 2),
            { text: `loss ${smoothed.toPrecision(4)}`, rank: 7 },
            { text: `lr ${pythonExponent(lr)}`, rank: 3 },
            ...piece(batch > 0, perSecond((1000 * batch) / stepMs), 4),
            ...piece(left !== undefined, `${left} left`, 8),
          ],
        },
        done === totalSteps,
      );
    } else if (this.isDue(now) || done === startStep + 1 || done === totalSteps) {
      this.lastPlainMs = now;
      this.place.line(
        `[step ${step}]: loss=${loss.toFixed(5)} (lr=${pythonExponent(lr)}) ${done}/${totalSteps}${left === undefined ? "" : `, ${left} left`}`,
      );
    }
  }

  /**
   * How long the open steps will take, by those that were made, of which the first does not count.
   * @returns undefined where only a first one tells of it, which took its time to begin
   */
  private left({ elapsedMs, made, open }: Made, now: number): string | undefined {
    // Anew, too, where it goes on from a checkpoint with smaller parts.
    if (made === 1) this.firstDoneMs = now;
    if (open === 0) return durationText(0);
    if (made > 1) return durationText((open * (now - this.firstDoneMs)) / (made - 1));
    return elapsedMs < tellingFirstMs ? undefined : durationText(open * elapsedMs);
  }

  /** A pass over images. */
  private images(label: "evaluating" | "features", { done, total }: Progress): void {
    const now = performance.now();
    const since = this.imagesSince;
    // The first batch may be slower than the others by far.
    if (since === undefined || done <= since.done) this.imagesSince = { done, ms: now };
    const rate = since === undefined ? 0 : (1000 * (done - since.done)) / (now - since.ms);
    const left = durationText((1000 * (total - done)) / rate);
    if (this.bar !== undefined) {
      const pieces = [
        { text: `${done}/${counted(total, "image")}`, rank: 9 },
        ...piece(rate > 0, perSecond(rate), 4),
        ...piece(rate > 0, `${left} left`, 8),
      ];
      this.show({ label, share: done / total, pieces }, done === total);
    } else if (this.isDue(now) && done < total) {
      this.lastPlainMs = now;
      const what = label === "evaluating" ? "Evaluating" : "Features";
      this.place.line(`${what}: ${done} of ${counted(total, "image")}`);
    }
  }

  private show(state: BarState, isLast: boolean): void {
    if (this.signal.aborted) return;
    this.shown = isLast ? undefined : state;
    if (isLast) this.bar?.clear();
    else this.bar?.show(state);
  }

  private isDue(now: number): boolean {
    return now - this.lastPlainMs >= plainIntervalMs;
  }

  close(): void {
    this.fetches.close();
    this.shown = undefined;
    this.bar?.clear();
    this.stop.close();
  }
}

function piece(isKnown: boolean, text: string, rank: number): readonly Piece[] {
  return isKnown ? [{ text, rank }] : [];
}

/** `12.3 images/s`. */
function perSecond(images: number): string {
  return `${images.toFixed(images < 100 ? 1 : 0)} images/s`;
}
