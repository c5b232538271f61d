/**
 * Reads `train.log`, as bit-train, the official PyTorch code and its PaddlePaddle port write it. A file may
 * hold several runs, one after the other, and parts of one that was continued: the last run counts.
 * Source: bit_pytorch/train.py and bit_common.py in google-research/big_transfer.
 */
import type { TimePart } from "./report-data.js";
import { RunCurve } from "./run-curve.js";

/** What a log tells. */
export interface LoggedRun {
  readonly curve: RunCurve;
  /** The arguments of the official code's command, by their names; none in bit-train's own logs. */
  readonly settings: Readonly<Record<string, string>>;
  readonly trainSize: number | undefined;
  readonly valSize: number | undefined;
  /** Where the time of the run's parts went that ended by themselves, of bit-train's own logs. */
  readonly times: readonly TimePart[];
}

// No line of a run is this long but what a library said in between.
const longest = 10_000;

/** Reads a log. It tells of no steps where it is another's. */
export function readTrainLog(text: string): LoggedRun {
  const reading = new Reading();
  for (const line of text.split(/\r?\n/)) {
    const told = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \[\w+\] \S+: (.*)$/.exec(
      line.slice(0, longest),
    );
    // Log times are local; only differences count.
    if (told)
      reading.line(Date.parse(`${told[1]!.replace(" ", "T")}Z`) + Number(told[2]), told[3]!);
  }
  return reading.finished();
}

class Reading {
  private readonly curve = new RunCurve();
  /** As they were when it began, and how they changed. */
  private settings: Record<string, string> = {};
  /** Those of the part under way. */
  private last: Readonly<Record<string, string>> = {};
  /** Those of a command that has not made a step yet. */
  private told: Readonly<Record<string, string>> | undefined;
  private readonly sizes = new Map<string, number>();
  private readonly times = new Map<string, number>();
  /** When the step under way began; undefined where that is not told. */
  private begun: number | undefined;
  private parts: number[] = [];

  line(time: number, text: string): void {
    const arguments_ = /^Namespace\((.*)\)$/.exec(text);
    if (arguments_) this.command(arguments_[1]!);
    const size = /^Using a (training|validation) set with (\d+) images/.exec(text);
    if (size) this.sizes.set(size[1]!, Number(size[2]));
    if (text.startsWith("Starting training!")) this.begun = time;
    const step = /^\[step (\d+)(?: \((\d+)\/(\d+)\))?\]: loss=(\S+) \(lr=(\S+)\)/.exec(text);
    if (step) this.step(time, step.slice(1));
    const validation = /^Validation@(\w+) loss (\S+), top1 ([\d.]+)%, top5 ([\d.]+)%/.exec(text);
    if (validation) {
      const [at, loss, top1, top5] = validation.slice(1);
      const steps = at === "end" ? this.curve.done : Number(at);
      const share = (percent: string | undefined) => Number(`${percent}e-2`);
      const values = { loss: Number(loss), top1: share(top1), top5: share(top5) };
      if (Object.values(values).every(Number.isFinite))
        this.curve.addValidation({ steps, ...values });
      this.begun = time;
    }
    if (text.startsWith("Time: "))
      for (const [, part, seconds] of text.matchAll(/(\w+) ([\d.]+) s \(/g))
        this.times.set(part!, (this.times.get(part!) ?? 0) + Number(seconds));
  }

  private command(text: string): void {
    this.told = Object.fromEntries(
      [...text.matchAll(/(\w+)=('[^']*'|"[^"]*"|[^,]*)/g)].map(([, name, value]) => {
        return [name!, value!.replace(/^(['"])(.*)\1$/, "$2")];
      }),
    );
    this.begun = undefined;
    this.parts = [];
  }

  /** Training begins, or goes on under other settings. */
  private begin(step: number): void {
    const { told } = this;
    if (step === 0) this.times.clear();
    if (told === undefined) return;
    if (step === 0) this.settings = told;
    else
      for (const [name, value] of Object.entries(told))
        if (value !== this.last[name])
          this.settings[name] = `${this.settings[name] ?? "None"}; from step ${step} on ${value}`;
    this.last = told;
    this.told = undefined;
  }

  /** A step's line, or that of one of the parts in which its batch is computed. */
  private step(time: number, [at, part, parts, loss, lr]: readonly (string | undefined)[]): void {
    if (part === undefined || part === "1") this.parts = [];
    this.parts.push(Number(loss));
    if (part !== parts) return;
    this.begin(Number(at));
    const mean = this.parts.reduce((sum, value) => sum + value, 0) / this.parts.length;
    this.curve.addStep({
      step: Number(at),
      loss: Number.isFinite(mean) ? mean : undefined,
      lr: Number(lr),
      elapsedMs: this.begun === undefined ? undefined : time - this.begun,
      batch: this.last["batch"] === undefined ? undefined : Number(this.last["batch"]),
    });
    this.begun = time;
  }

  finished(): LoggedRun {
    return {
      curve: this.curve,
      settings: this.settings,
      trainSize: this.sizes.get("training"),
      valSize: this.sizes.get("validation"),
      times: [...this.times].map(([part, seconds]) => ({ part, seconds })),
    };
  }
}
