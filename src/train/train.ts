/**
 * Fine-tuning by the BiT-HyperRule: SGD with momentum, warm-up, drops by ten, mixup, no weight decay.
 * Source: arXiv 1912.11370, section 3.3; bit_pytorch/train.py and bit_jax/train.py in
 * google-research/big_transfer.
 */
import type { Dataset, Split } from "../data/dataset.js";
import { floats, type HostTensor, scalar } from "../engine/session.js";
import type { Evaluation } from "../evaluators/evaluator.js";
import { classWeights } from "../recipe/class-weights.js";
import { getLearningRate } from "../recipe/hyperrule.js";
import { mixupLambda, mixupPartners } from "../recipe/mixup.js";
import type { TrainProgram } from "../step/program.js";
import { LossWatch, requireFinite } from "./divergence.js";
import { evaluate } from "./evaluate.js";
import type { EvaluationResult, StepReport } from "./reports.js";
import { Stops } from "./stops.js";
import { TrainFeed } from "./train-feed.js";
import type { TrainPlan } from "./train-plan.js";

/** Where a run begins, or goes on. */
export interface TrainStart {
  /** Steps done. */
  readonly step: number;
  /** Whether they were evaluated, where that was due: a run may have been stopped in between. */
  readonly evaluated: boolean;
}

/** Where a run's time went, in milliseconds of wall time. */
export interface TrainTimes {
  /** Training steps, waiting for their images included. */
  step: number;
  eval: number;
  save: number;
}

/** What the loop tells to whoever keeps the run's files and speaks to people. */
export interface TrainObserver {
  step(report: StepReport): void;
  validation(at: number | "end", result: EvaluationResult): void | Promise<void>;
  /** Save the state in which `steps` steps are done. Where it is evaluated too, that comes next. */
  save(steps: number): Promise<void>;
  /** Told once, after the first step of this process and before anything of it is kept; what it throws ends the run. */
  updated?(): Promise<void>;
  /** Whether an error of a step came before the step changed anything: what was done is then saved. */
  changedNothing?(error: unknown): Promise<boolean>;
  /** Whether the run is to stop after the step under way. */
  interrupted(): boolean;
  /** Whether the run is to end, by its evaluations up to the one after `steps` steps. */
  isEnough?(steps: number): boolean;
  /** Stops the run too, and abandons an evaluation, which is made again when the run goes on. */
  readonly signal?: AbortSignal | undefined;
  evaluating?(done: number, total: number): void;
  /** Who is told of each image of the evaluation that begins; again where it is begun anew. */
  evaluations?(at: number | "end"): readonly Evaluation[];
}

export interface TrainOutcome {
  /** Steps done, those of earlier runs that this one resumed included. */
  readonly steps: number;
  /** Steps after which the state was last saved: fewer where the loss was too high at the stop. */
  readonly saved: number;
  readonly times: Readonly<TrainTimes>;
  /** The evaluation at the end; undefined where the run, or that evaluation, was interrupted. */
  readonly validation: EvaluationResult | undefined;
}

/**
 * Trains from `start` to the end of the schedule, until its evaluations are enough, or until interrupted. A state is saved before it is
 * evaluated, so that a stop during the evaluation loses nothing.
 * @throws UserError where the training has diverged; nothing is saved then
 */
export async function train(
  program: TrainProgram,
  dataset: Dataset,
  plan: TrainPlan,
  start: TrainStart,
  observer: TrainObserver,
): Promise<TrainOutcome> {
  const { schedule } = plan;
  const totalSteps = schedule.at(-1)!;
  const feed = new TrainFeed(program, dataset.train.labels.length, plan, totalSteps);
  const times: TrainTimes = { step: 0, eval: 0, save: 0 };
  const timed = timerOf(times);
  let saved = start.step;
  let savedMs = performance.now();
  const save = async (steps: number) => {
    await timed("save", () => observer.save(steps));
    saved = steps;
    savedMs = performance.now();
  };
  const stops = new Stops(observer, program.place.ranks > 1);
  const validate = async (at: number | "end") => {
    const evaluation = { program, val: dataset.val, evalBatch: plan.evalBatch, observer, stops };
    const result = await timed("eval", () => evaluated(evaluation, at));
    if (result === undefined) return undefined;
    requireFinite(at === "end" ? step : at, result.loss);
    try {
      await timed("eval", async () => await observer.validation(at, result));
      return result;
    } catch (error) {
      if (stops.isStop(error)) return undefined;
      throw error;
    }
  };

  const watch = watchOf(dataset, plan);
  let { step } = start;
  const wasDue = step === 0 ? plan.evalFirst === true : isDue(step, plan.evalEvery);
  if (wasDue && !start.evaluated && step < totalSteps) await validate(step);
  let ends = wasDue && isEnough(observer, stops, step);
  for (; !ends; step++) {
    const lr = getLearningRate(step, schedule, plan.baseLr);
    if (lr === undefined || stops.stopped) break;
    const begun = performance.now();
    await feed.prepare(step);
    let loss: number;
    try {
      loss = await lossOfStep(program, plan, { step, lr, stops });
    } catch (error) {
      const unsaved = step > saved && !watch.suspicious;
      if (unsaved && (await observer.changedNothing?.(error))) await save(step);
      throw error;
    }
    watch.check(step, loss, saved);
    if (step === start.step) await observer.updated?.();
    const elapsedMs = performance.now() - begun;
    times.step += elapsedMs;
    observer.step({ step, loss, lr, elapsedMs });

    const done = step + 1;
    if (done === totalSteps) continue;
    const evaluates = isDue(done, plan.evalEvery);
    const overdue = performance.now() - savedMs >= 60_000 * (plan.saveMinutes ?? Infinity);
    // What may be broken does not take the place of what is good.
    if ((evaluates || overdue || isDue(done, plan.saveEvery)) && !watch.suspicious)
      await save(done);
    if (evaluates) ends = (await validate(done)) !== undefined && isEnough(observer, stops, done);
  }

  // A run may have gone beyond the steps that are asked of it now.
  const ended = ends || step >= totalSteps;
  if (step > saved && (ended || !watch.suspicious)) await save(step);
  const validation = ended ? await validate("end") : undefined;
  return { steps: step, saved, validation, times };
}

function watchOf({ classNames, train: { labels } }: Dataset, plan: TrainPlan): LossWatch {
  const classes = classNames.length;
  return new LossWatch(classes, classWeights(plan.classWeights, labels, classes));
}

/** Whether the evaluations are enough; one that was abandoned is to be made first. */
function isEnough(observer: TrainObserver, stops: Stops, steps: number): boolean {
  return !stops.abandoned && observer.isEnough?.(steps) === true;
}

/** What is evaluated, and who is told. */
interface ObservedEvaluation {
  readonly program: TrainProgram;
  readonly val: Split;
  readonly evalBatch: number;
  readonly observer: TrainObserver;
  readonly stops: Stops;
}

/** The result of an evaluation; undefined where it was abandoned. */
async function evaluated(
  { program, val, evalBatch, observer, stops }: ObservedEvaluation,
  at: number | "end",
): Promise<EvaluationResult | undefined> {
  try {
    stops.throwIfAbandoned();
    return await evaluate(program, val, evalBatch, {
      progress: (done, total) => {
        stops.throwIfAbandoned();
        observer.evaluating?.(done, total);
      },
      stop: stops.abandons,
      evaluations: observer.evaluations?.(at),
    });
  } catch (error) {
    if (stops.isStop(error)) return undefined;
    throw error;
  }
}

/** Adds the time of what is done to that of its part. */
function timerOf(times: TrainTimes) {
  return async <T>(part: keyof TrainTimes, work: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await work();
    times[part] += performance.now() - begun;
    return result;
  };
}

/** A step to be made. */
interface Step {
  readonly step: number;
  readonly lr: number;
  readonly stops: Stops;
}

/**
 * Runs a step, a part of this rank's share of the batch after the other.
 * @returns the mean loss of the whole batch
 */
async function lossOfStep(
  { session, place }: Pick<TrainProgram, "session" | "place">,
  plan: TrainPlan,
  { step, lr, stops }: Step,
): Promise<number> {
  const parts = plan.split / place.ranks;
  const together = place.ranks > 1;
  let loss = 0;
  for (let part = 0; part < parts; part++) {
    const feeds = {
      ...mixupFeeds(plan, step, place.rank * parts + part),
      ...(part === parts - 1 && { "train/learning_rate": scalar("float32", lr) }),
      ...(together && { "train/stop": scalar("float32", stops.wanted() ? 1 : 0) }),
    };
    const fetch = fetchOf(parts, part);
    const fetches = together ? [fetch, "train/stops"] : [fetch];
    const [value, wanted] = await session.run(feeds, fetches);
    loss += floats(value)[0]! / parts;
    if (together) stops.agree(floats(wanted)[0] !== 0);
    // Lets the process hear Ctrl-C between the native calls.
    await new Promise(setImmediate);
  }
  return loss;
}

function isDue(done: number, every: number | undefined): boolean {
  return every !== undefined && done % every === 0;
}

function fetchOf(parts: number, part: number): string {
  if (parts === 1) return "train/step";
  return part === parts - 1 ? "train/finish" : "train/accumulate";
}

/**
 * Lambda is drawn once a step; partners come from the same part of the batch.
 * @param part of the whole batch's
 */
function mixupFeeds(
  { split, batch, seed, mixupAlpha }: TrainPlan,
  step: number,
  part: number,
): Record<string, HostTensor> {
  if (mixupAlpha === undefined) return {};
  const n = batch / split;
  return {
    "train/mixup_lambda": scalar("float32", mixupLambda(seed, step, mixupAlpha)),
    "train/mixup_partners": {
      ...{ type: "int32", shape: [n] },
      data: mixupPartners(seed, step, part, n),
    },
  };
}
