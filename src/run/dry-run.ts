/** What a run would do and take, without a file of it: its plan, and the time of a few of its steps. */
import { createHash } from "node:crypto";
import { sizeOf } from "../archive/shape.js";
import type { Dataset } from "../data/dataset.js";
import { takeSplit } from "../data/few-shot.js";
import type { Engine } from "../engine/session.js";
import { headKernel, parseArchitecture, type VariableSpec } from "../model/architecture.js";
import { classCounts } from "../recipe/class-weights.js";
import { planOf, type RunConfig, type RunRecordFile } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
import { runFolder } from "../record/run-folder.js";
import { predictPipeline } from "../step/graphs.js";
import {
  openPredictImagesProgram,
  type Program,
  startImages,
  type TrainProgram,
} from "../step/program.js";
import { assignVariables } from "../step/variables.js";
import { evaluate } from "../train/evaluate.js";
import { train } from "../train/train.js";
import {
  describeComputing,
  describeData,
  describePlan,
  needsOf,
  type RunNeeds,
} from "./describe-plan.js";
import { fetchEvents } from "./fetching.js";
import { placeholderFeatures } from "./frozen-features.js";
import type { FineTuneOptions } from "./options.js";
import { defaultName, planRun } from "./plan-run.js";
import { inPrecision } from "./precision.js";
import {
  describeForecast,
  type MeasuredTimes,
  measuredBy,
  remainingMs,
  timedSteps,
} from "./run-forecast.js";
import { resolveWeights } from "./starting-weights.js";
import { lengthOfBegun, limited } from "./time-limit.js";
import { openRunProgram, withSmallerParts } from "./train-run.js";
import { defaultBatch } from "./trained-model.js";

/** What a dry run finds. */
export interface DryRun {
  readonly config: RunConfig;
  readonly classes: readonly {
    readonly name: string;
    readonly train: number;
    readonly val: number;
  }[];
  readonly needs: RunNeeds;
  /** Steps that an earlier part of the run has done. */
  readonly done: number;
  readonly measured: MeasuredTimes;
  /** Steps and evaluations that are left, in milliseconds. */
  readonly remainingMs: number;
  /** Of `--max_minutes`: how many steps fit. */
  readonly limit?: string | undefined;
  /** All of it for people. */
  readonly lines: readonly string[];
}

// On a CPU, what would take less is told even of runs that do not take an hour.
const noticedOnCpuMs = 60_000;
// After this, fewer steps are timed, at least one.
const patienceMs = 60_000;

/**
 * Plans a run, and times three of its steps on its own images. Nothing is fetched or written.
 * @throws UserError as the run itself would; and where the dataset is still to be fetched
 */
export async function dryRun(
  wishes: FineTuneOptions,
  engine: Engine,
  observer: RunObserver = {},
): Promise<DryRun> {
  const options = await resolveWeights({ ...wishes, offline: true }, fetchEvents(observer));
  const name = wishes.name ?? defaultName(options);
  const folder = runFolder(wishes.logdir ?? "bit_logs", name);
  const asked = { ...options, offline: wishes.offline };
  const plan = await planRun({ name, folder, options: asked, engine, observer, dry: true });
  const { dataset, resumed } = plan;
  const fitted = await fitting(plan.config, dataset, engine, observer);
  const { measured } = fitted;
  const { maxMinutes } = wishes;
  const isTimed = maxMinutes !== undefined && (await lengthOfBegun(wishes, folder)) === undefined;
  const { config, line: limit } = isTimed
    ? limited(fitted.config, measured, maxMinutes)
    : { ...fitted, line: undefined };
  const done = resumed?.manifest?.steps ?? 0;
  const needs = await needsOf(config, engine.target, folder.path, wishes.save);
  const data = describeData(config, dataset);
  const noticedMs = engine.target.device === "CPU" ? noticedOnCpuMs : undefined;
  const [inTrain, inVal] = [dataset.train, dataset.val].map(({ labels }) =>
    classCounts(labels, dataset.classNames.length),
  );
  return {
    config,
    classes: dataset.classNames.map((each, i) => {
      return { name: each, train: inTrain![i]!, val: inVal![i]! };
    }),
    ...{ needs, done, measured, limit, remainingMs: remainingMs(config, measured, done) },
    lines: [
      ...plan.notes,
      ...data.lines,
      ...data.warnings,
      ...(limit === undefined ? [] : [limit]),
      ...describePlan(config, needs, wishes),
      ...describeComputing(config, engine.target),
      ...(resumed === undefined ? [] : [`The run is there, and would go on at step ${done}`]),
      ...describeForecast(config, { ...asked, name: wishes.name }, { measured, done }, noticedMs),
    ],
  };
}

/** Times steps, with as many parts of a batch as fit the memory. */
async function fitting(
  wanted: RunRecordFile,
  dataset: Dataset,
  engine: Engine,
  observer: RunObserver,
) {
  for (let config = wanted; ; ) {
    try {
      return { config, measured: await measure(config, dataset, engine, observer) };
    } catch (error) {
      const smaller = withSmallerParts(error, config, engine.target.devices);
      if (smaller === undefined) throw error;
      config = smaller;
    }
  }
}

/** Of a batch in many parts, two are timed: the others take as long, and memory is that of all. */
async function measure(
  whole: RunRecordFile,
  dataset: Dataset,
  engine: Engine,
  { event, signal }: RunObserver,
): Promise<MeasuredTimes> {
  const split = Math.min(2, whole.split);
  const config = { ...whole, split, batch: (whole.batch / whole.split) * split };
  const note = (level: "info" | "warning") => (text: string) =>
    event?.({ type: "note", level, text });
  const events = { info: note("info"), warn: note("warning") };
  const features = config.freeze ? placeholderFeatures(config, dataset) : undefined;
  const featuresMs = config.freeze ? await featuresTime(config, dataset, engine) : undefined;
  const program = await openRunProgram({ config, dataset, engine, events }, features);
  try {
    await program.session.run({}, ["train/initialize"]);
    await setPlaceholders(program);
    const elapsedMs: number[] = [];
    const begun = performance.now();
    const isEnough = () =>
      elapsedMs.length > timedSteps ||
      (elapsedMs.length > 1 && performance.now() - begun > patienceMs);
    // Steps that change next to nothing: what the weights are is no matter.
    const unending = { schedule: [0, 2 ** 20], baseLr: 1e-12 };
    const still = { evalFirst: false, evalEvery: undefined, saveEvery: undefined };
    const plan = { ...planOf(config), ...unending, ...still, saveMinutes: undefined };
    const start = { step: 0, evaluated: true };
    await train(program, dataset, plan, start, {
      step: (report) => elapsedMs.push(report.elapsedMs),
      validation: () => undefined,
      save: async () => undefined,
      // Whoever stops the run does not make a length of what was timed until then: the signal ends it.
      interrupted: isEnough,
      signal,
    });
    signal?.throwIfAborted();
    const { steps, stepMs } = measuredBy(elapsedMs);
    const evaluationMs = await evaluationTime(program, dataset, config.evalBatch);
    return { steps, stepMs: (stepMs * whole.split) / split, evaluationMs, featuresMs };
  } finally {
    program.session.close();
  }
}

/** Of all held-out images, by the second of two batches. */
async function evaluationTime(
  program: TrainProgram,
  { val }: Dataset,
  batch: number,
): Promise<number> {
  const one = takeSplit(
    val,
    Int32Array.from({ length: batch }, (_, i) => i),
  );
  await evaluate(program, one, batch);
  const begun = performance.now();
  await evaluate(program, one, batch);
  return (performance.now() - begun) * Math.ceil(val.labels.length / batch);
}

/** Of the features of all images, by the second of two batches. */
async function featuresTime(
  { model, resolution, resize, workers, precision, trainSize, valSize }: RunRecordFile,
  { train, classNames }: Dataset,
  { open, target }: Engine,
): Promise<number> {
  const architecture = parseArchitecture(model);
  const { crop: size } = resolution;
  const batch = Math.min(defaultBatch({ architecture }, size * size), train.labels.length);
  const network = {
    ...{ architecture, classes: classNames.length },
    target: inPrecision(target, precision),
  };
  const options = { size, batch, workers, input: { resize } };
  const program = await openPredictImagesProgram(open, network, train, options);
  try {
    await setPlaceholders(program);
    const indices = Int32Array.from({ length: 2 * batch }, (_, i) => i % train.labels.length);
    await startImages(program, predictPipeline, indices, new Int32Array(3 * indices.length));
    await program.session.run({}, ["predict/features"]);
    const begun = performance.now();
    await program.session.run({}, ["predict/features"]);
    return ((performance.now() - begun) * (trainSize + valSize)) / batch;
  } finally {
    program.session.close();
  }
}

/** Gives variables values like those of a network that begins: cheaper than to draw or to read them. */
async function setPlaceholders({ session, variables }: Program): Promise<void> {
  // Bytes of a hash, about zero.
  const pattern = Float32Array.from(createHash("sha512").update("").digest(), (b) => b / 128 - 1);
  const values = async function* (): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
    for (const spec of variables) {
      const filled = new Float32Array(sizeOf(spec.shape));
      if (spec.name.endsWith("/gamma")) filled.fill(1);
      else if (spec.name.endsWith("/kernel") && spec.name !== headKernel)
        for (let at = 0; at < filled.length; at += pattern.length)
          filled.set(pattern.subarray(0, filled.length - at), at);
      yield [spec, filled];
    }
  };
  await assignVariables(session, values());
}
