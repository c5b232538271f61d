/** What a run's steps and evaluations take, by a few of them on its own images. */
import { createHash } from "node:crypto";
import { sizeOf } from "../archive/shape.js";
import type { Dataset } from "../data/dataset.js";
import { takeSplit } from "../data/few-shot.js";
import type { Engine } from "../engine/session.js";
import { headKernel, parseArchitecture, type VariableSpec } from "../model/architecture.js";
import { planOf, type RunRecordFile } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
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
import { requireSameGraph } from "./agree.js";
import { placeholderFeatures } from "./frozen-features.js";
import type { Joint } from "./joint-run.js";
import { inPrecision } from "./precision.js";
import { type MeasuredTimes, measuredBy, timedSteps } from "./run-forecast.js";
import { type TimedPart, tellStillTiming } from "./still-timing.js";
import { openRunProgram } from "./train-run.js";
import { defaultBatch } from "./trained-model.js";
import { unreadableAtStep } from "./unreadable-image.js";

// After this, fewer steps are timed, at least one.
const patienceMs = 60_000;

// Where a batch of an evaluation is shorter, more are timed.
const enoughMs = 1000;

/** What is measured, and on what. */
export interface Measured {
  readonly config: RunRecordFile;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly observer: RunObserver;
  /** Where several processes compute together: all of them are to measure at the same time. */
  readonly joint?: Joint | undefined;
}

/**
 * Times steps and evaluations. Of a batch in many parts, one process times two: the others take as long, and memory
 * is that of all.
 * @throws SessionError where the memory does not suffice; UserError at an image that cannot be decoded; the signal's
 *   reason, of one process
 */
export async function measureSteps(measured: Measured): Promise<MeasuredTimes> {
  try {
    return await timesOf(measured);
  } catch (error) {
    // Steps are timed on the first images.
    throw (await unreadableAtStep(error, measured, 0, "leave it out: --bad_images skip")) ?? error;
  }
}

/** With a sign of life, of several processes by the first. */
async function timesOf(measured: Measured): Promise<MeasuredTimes> {
  const { observer, joint } = measured;
  const at = { part: "steps" as TimedPart, steps: 0 };
  const note = (text: string) => observer.event?.({ type: "note", level: "info", text });
  const end = (joint?.group.rank ?? 0) === 0 ? tellStillTiming(note, () => at) : undefined;
  try {
    return await timesAt(measured, at);
  } finally {
    end?.();
  }
}

/** @param at is told what is being timed */
async function timesAt(
  { config: whole, dataset, engine, observer: { event, signal }, joint }: Measured,
  at: { part: TimedPart; steps: number },
): Promise<MeasuredTimes> {
  const split = joint === undefined ? Math.min(2, whole.split) : whole.split;
  const config = { ...whole, split, batch: (whole.batch / whole.split) * split };
  const note = (level: "info" | "warning") => (text: string) =>
    event?.({ type: "note", level, text });
  const events = { info: note("info"), warn: note("warning") };
  if (config.freeze) at.part = "features";
  const features = config.freeze ? placeholderFeatures(config, dataset) : undefined;
  const featuresMs = config.freeze
    ? (await featuresTime(config, dataset, engine)) / (joint?.group.ranks ?? 1)
    : undefined;
  at.part = "steps";
  const program = await openRunProgram({ config, dataset, engine, events, joint }, features);
  try {
    if (joint !== undefined) await requireSameGraph(joint);
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
      step: (report) => {
        at.steps = elapsedMs.push(report.elapsedMs);
      },
      validation: () => undefined,
      save: async () => undefined,
      // Whoever stops the run does not make a length of what was timed until then: the signal ends it.
      interrupted: isEnough,
      signal,
    });
    if (joint === undefined) signal?.throwIfAborted();
    const { steps, stepMs } = measuredBy(elapsedMs);
    at.part = "evaluation";
    const evaluationMs = await evaluationTime(program, dataset, config.evalBatch, joint);
    return { steps, stepMs: (stepMs * whole.split) / split, evaluationMs, featuresMs };
  } finally {
    program.session.close();
  }
}

/**
 * Of all held-out images, by the second of two batches, each with a beginning of its own; where that was short, by what
 * further batches take without one: it may be most of it.
 */
async function evaluationTime(
  program: TrainProgram,
  { val }: Dataset,
  batch: number,
  joint: Joint | undefined,
): Promise<number> {
  const rows = batch * program.place.ranks;
  const all = Math.ceil(val.labels.length / rows);
  /** When each of so many batches is done, in milliseconds. */
  const timed = async (batches: number) => {
    const size = Math.min(val.labels.length, batches * rows);
    const some = takeSplit(
      val,
      Int32Array.from({ length: size }, (_, i) => i),
    );
    const doneMs: number[] = [];
    const begun = performance.now();
    await evaluate(program, some, batch, {
      progress: () => doneMs.push(performance.now() - begun),
    });
    return doneMs;
  };
  await timed(1);
  const ownMs = (await timed(1))[0]!;
  // All ranks have to take as many.
  const oneMs = joint === undefined ? ownMs : Number((await joint.group.share(ownMs))[0]);
  const batches = Math.min(all, Math.ceil(enoughMs / oneMs));
  if (batches === 1) return oneMs * all;
  const doneMs = await timed(batches);
  const [first, last] = [doneMs[0]!, doneMs.at(-1)!];
  return first + ((last - first) / (batches - 1)) * (all - 1);
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
