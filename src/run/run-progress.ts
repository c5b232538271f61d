/** What a run tells of its steps, what it keeps of them, and which image is to blame where one fails. */
import type { CheckpointSaver } from "../checkpoint/checkpoint-saver.js";
import type { FoundCheckpoint } from "../checkpoint/find-checkpoint.js";
import type { Dataset } from "../data/dataset.js";
import type { FileLock } from "../disk/file-lock.js";
import type { Engine } from "../engine/session.js";
import type { UserError } from "../errors.js";
import type { Evaluation } from "../evaluators/evaluator.js";
import { Predictions } from "../evaluators/predictions.js";
import type { BestResult, DataFingerprint } from "../record/manifest.js";
import type { RunRecordFile } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
import type { RunFolder } from "../record/run-folder.js";
import type { RunSinks } from "../record/run-sinks.js";
import type { TrainProgram } from "../step/program.js";
import type { EvaluationResult, StepReport } from "../train/reports.js";
import type { TrainObserver } from "../train/train.js";
import { requireSameBegin } from "./agree.js";
import { computing } from "./computed-by.js";
import { ConfusionPicture } from "./confusion-picture.js";
import type { Joint } from "./joint-run.js";
import type { ModelledOptions } from "./options.js";
import { describeForecast, FirstSteps } from "./run-forecast.js";
import { configurationHash } from "./same-run.js";
import { unreadableAtStep } from "./unreadable-image.js";

export interface Run {
  readonly options: ModelledOptions;
  readonly folder: RunFolder;
  readonly config: RunRecordFile;
  readonly dataset: Dataset;
  readonly data: DataFingerprint;
  /** Where to go on; undefined where the run begins. */
  readonly resumed: FoundCheckpoint | undefined;
  readonly engine: Engine;
  /** On the folder. */
  readonly lock: FileLock;
  /** Told of all that happens; the observer is among them. */
  readonly events: RunSinks;
  readonly observer: RunObserver;
  /** Where several processes train together. */
  readonly joint?: Joint | undefined;
  /** What rank 0 says was the best evaluation so far, to others. */
  readonly bestSoFar?: BestResult | undefined;
}

export class RunProgress implements TrainObserver {
  /** Of the final evaluation, once it has begun. */
  predictions: Predictions | undefined;
  /** Before step 0; undefined where that was not asked for. */
  before: EvaluationResult | undefined;
  best: BestResult | undefined;
  readonly signal: AbortSignal | undefined;
  private readonly totalSteps: number;
  private startStep = 0;
  private current = 0;
  private done = 0;
  private savedAt = 0;
  private culprit: UserError | undefined;
  /** Of the evaluation under way. */
  private confusion: ConfusionPicture | undefined;
  private readonly firstSteps = new FirstSteps();

  constructor(
    private readonly run: Run,
    private readonly saver: CheckpointSaver,
    private readonly program: TrainProgram,
  ) {
    this.best = run.resumed?.manifest?.best ?? run.bestSoFar;
    this.signal = run.observer.signal;
    this.totalSteps = run.config.schedule.at(-1)!;
  }

  /** Is told where training begins, once the variables are set. */
  begin(step: number): void {
    this.startStep = step;
    this.current = step;
    this.savedAt = step;
    this.done = step;
  }

  async updated(): Promise<void> {
    const { joint } = this.run;
    if (joint !== undefined) await requireSameBegin(joint.group, this.program);
  }

  step(report: StepReport): void {
    const { totalSteps, startStep } = this;
    this.current = report.step;
    this.done = report.step + 1;
    const { events, config, options } = this.run;
    events.event({ type: "step", ...report, totalSteps, startStep });
    const measured = this.firstSteps.add(report.elapsedMs);
    const { done } = this;
    if (measured !== undefined && done < totalSteps)
      for (const line of describeForecast(config, options, { measured, done })) events.info(line);
    this.saver.check();
  }

  async validation(at: number | "end", result: EvaluationResult): Promise<void> {
    const { engine, events } = this.run;
    events.event({ type: "validation", at, ...result });
    const steps = at === "end" ? this.done : at;
    this.noteResult(steps, result);
    if (this.confusion !== undefined) events.event(await this.confusion.event(engine, steps));
  }

  private noteResult(steps: number, result: EvaluationResult): void {
    const { options, lock } = this.run;
    if (steps === 0) this.before = result;
    // What was too bad to be saved is not the best, whatever the evaluation says.
    if (steps === 0 || steps !== this.savedAt) return;
    if (this.best === undefined || result.top1 > this.best.top1)
      this.best = { step: steps, top1: result.top1 };
    if (options.save === false) return;
    lock.requireHeld();
    this.saver.note(steps, result, this.best);
  }

  async save(steps: number): Promise<void> {
    const { options, config, data, lock } = this.run;
    this.savedAt = steps;
    if (options.save === false) return;
    lock.requireHeld();
    await this.saver.save({
      steps,
      seed: config.seed,
      examplesSeen: steps * config.batch,
      validation: null,
      best: this.best ?? null,
      configuration: configurationHash(config),
      data,
      ...computing(this.run),
    });
  }

  async changedNothing(error: unknown): Promise<boolean> {
    return (await this.findCulprit(error)) !== undefined;
  }

  /** The best evaluation and the position tell it alone, so that a run that goes on ends where it would have. */
  isEnough(steps: number): boolean {
    const { config, events } = this.run;
    const { patience, evalEvery } = config;
    if (!patience || !evalEvery || this.best === undefined) return false;
    if (steps - this.best.step < patience * evalEvery) return false;
    const evaluations = patience === 1 ? "evaluation" : `${patience} evaluations`;
    events.info(`No better top-1 in the last ${evaluations}: the run ends (--patience)`);
    return true;
  }

  interrupted(): boolean {
    return this.run.observer.interrupted?.() ?? false;
  }

  evaluations(at: number | "end"): readonly Evaluation[] {
    const { options, dataset } = this.run;
    const { classNames, val } = dataset;
    // Pictures are for TensorBoard's file.
    this.confusion = options.tensorboard === false ? undefined : new ConfusionPicture(classNames);
    const told = this.confusion === undefined ? [] : [this.confusion];
    if (at !== "end") return told;
    this.predictions = new Predictions({ classes: classNames.length, count: val.labels.length });
    return [this.predictions, ...told];
  }

  evaluating(done: number, total: number): void {
    this.run.events.event({ type: "evaluating", done, total });
  }

  /**
   * What is to be told instead of an engine's error, where an image is to blame. Only an image: it stops a
   * step before the step changes anything.
   */
  async findCulprit(error: unknown): Promise<UserError | undefined> {
    const { config } = this.run;
    // Other images are other data, with which a run goes on only where that is meant.
    const otherwise =
      "leave it out and go on from the last checkpoint: type the same command with " +
      `--name ${config.name} --bad_images skip --force`;
    this.culprit ??= await unreadableAtStep(error, this.run, this.current, otherwise);
    return this.culprit;
  }
}
