/**
 * TensorBoard's event file of a run. Each start writes a new one with the whole curve so far, taken from
 * metrics.jsonl: whatever was done again, each step is there once.
 */
import { readFile } from "node:fs/promises";
import type { TrainStart } from "../../train/train.js";
import { readTimedMetrics, stepMetrics, type TimedMetrics, validationMetrics } from "../metrics.js";
import { freeKeys, type RunConfig } from "../run-config.js";
import type { RunEvent } from "../run-events.js";
import type { RunFolder } from "../run-folder.js";
import type { RunSink } from "../run-sink.js";
import { lossDecay, SmoothedMean } from "../smoothed-mean.js";
import { beginEventFile, type EventFile } from "./event-file.js";
import {
  type HyperparameterValue,
  hyperparametersValue,
  imageValue,
  type Moment,
  restartEvent,
  runEndValue,
  scalarValue,
  summaryEvent,
  textValue,
  versionEvent,
} from "./event-messages.js";
import { keptPictures, type PictureRecord, tagOfPicture } from "./kept-pictures.js";

/** Nothing is written before training begins: the older file holds all until then. */
export function openTensorboard(folder: RunFolder): RunSink {
  return new TensorboardSink(folder);
}

class TensorboardSink implements RunSink {
  private config: RunConfig | undefined;
  private written: { readonly file: EventFile; readonly curves: Curves } | undefined;

  constructor(private readonly folder: RunFolder) {}

  event(event: RunEvent): void {
    if (event.type === "start") this.config = event.config;
    if (this.written === undefined) return;
    const { file, curves } = this.written;
    for (const message of messagesOf(event, curves, new Date())) file.append(message);
  }

  async begin(start: TrainStart): Promise<void> {
    const { config, folder } = this;
    if (config === undefined) return;
    this.close();
    const curves = new Curves(config);
    const rows = (await readFile(folder.metrics, "utf8")).split("\n");
    const pictures = await keptPictures(folder.path, start);
    const file = await beginEventFile(folder.path, eventsOf(config, curves, { rows, pictures }));
    this.written = { file, curves };
  }

  close(): void {
    this.written?.file.close();
    this.written = undefined;
  }
}

/** What is written of an event. */
function messagesOf(event: RunEvent, curves: Curves, time: Date): Uint8Array[] {
  if (event.type === "step") return [curves.next({ ...stepMetrics(event), time })];
  if (event.type === "picture") {
    const { step } = event;
    const tag = tagOfPicture(event);
    const bytes = summaryEvent({ step, time }, [imageValue(tag, event)]);
    return curves.picture({ step, tag, bytes });
  }
  if (event.type !== "validation") return [];
  const row = curves.next({ ...validationMetrics(event.at, event), time });
  return event.at === "end" ? [row, summaryEvent(curves.end(time), [runEndValue(time)])] : [row];
}

/** What a file begins with. */
function* eventsOf(
  config: RunConfig,
  curves: Curves,
  older: { readonly rows: readonly string[]; readonly pictures: readonly PictureRecord[] },
): Generator<Uint8Array> {
  const first = { step: 0, time: new Date() };
  yield versionEvent(first.time);
  yield restartEvent(first);
  yield summaryEvent(first, [
    textValue("config", describeConfig(config)),
    hyperparametersValue(hyperparametersOf(config), first.time),
  ]);
  for (const line of older.rows) {
    const row = readTimedMetrics(line);
    if (row !== undefined) yield curves.next(row);
  }
  for (const picture of older.pictures) yield* curves.picture(picture);
}

/** Makes events of rows, in order. */
class Curves {
  private readonly smoothedLoss = new SmoothedMean(lossDecay);
  private readonly totalSteps: number;
  private done = 0;
  /** By tag and step. */
  private readonly pictures = new Set<string>();

  constructor(private readonly config: RunConfig) {
    this.totalSteps = config.schedule.at(-1)!;
  }

  next(row: TimedMetrics): Uint8Array {
    const { time } = row;
    if ("step" in row) {
      const { step, loss, lr, step_ms: ms } = row;
      this.done = step + 1;
      const values = [
        scalarValue("train/loss", loss ?? Number.NaN),
        scalarValue("train/loss_smoothed", this.smoothedLoss.next(loss ?? Number.NaN)),
      ];
      if (lr !== undefined) values.push(scalarValue("train/learning_rate", lr));
      if (ms !== undefined && ms > 0)
        values.push(scalarValue("train/images_per_second", (1000 * this.config.batch) / ms));
      return summaryEvent({ step, time }, values);
    }
    const { validation: at, val_loss: loss, val_top1: top1, val_top5: top5 } = row;
    return summaryEvent(at === "end" ? this.end(time) : { step: at, time }, [
      scalarValue("val/loss", loss),
      scalarValue("val/top1", top1),
      scalarValue("val/top5", top5),
    ]);
  }

  /** A picture's event, once: the state after the last step may be evaluated twice. */
  picture({ step, tag, bytes }: PictureRecord): Uint8Array[] {
    const key = `${tag} ${step}`;
    if (this.pictures.has(key)) return [];
    this.pictures.add(key);
    return [bytes];
  }

  /** After the last step, wherever the run ended: --patience is before the schedule's end. */
  end(time: Date): Moment {
    return { step: this.done === 0 ? this.totalSteps : this.done, time };
  }
}

/** The settings that decide the result, by their names in config.json. */
function hyperparametersOf(config: RunConfig): Record<string, HyperparameterValue> {
  const { schedule, resolution, mixupAlpha, ...rest } = config;
  const values = { ...rest, ...resolution, mixup: mixupAlpha ?? 0, steps: schedule.at(-1)! };
  const decides = ([name, value]: [string, unknown]) =>
    !freeKeys.has(name) && ["number", "string", "boolean"].includes(typeof value);
  return Object.fromEntries(Object.entries(values).filter(decides)) as Record<
    string,
    HyperparameterValue
  >;
}

/** config.json as Markdown; of the classes their number, since there may be thousands. */
function describeConfig({ classNames, ...rest }: RunConfig): string {
  const settings = { ...rest, classes: classNames.length };
  return `\`\`\`json\n${JSON.stringify(settings, undefined, 2)}\n\`\`\``;
}
