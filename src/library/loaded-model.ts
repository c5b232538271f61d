/** A trained model that predicts and embeds, for as long as a program wants it. */
import { availableParallelism } from "node:os";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { featureChannels } from "../model/architecture.js";
import { findSource } from "../run/fetching.js";
import { topProbabilities } from "../run/probabilities.js";
import {
  findTrainedModel,
  imageSize,
  precisionOf,
  type TrainedModel,
} from "../run/trained-model.js";
import type { Precision } from "../settings/choices.js";
import { type Options, settingTable } from "../settings/table.js";
import { requireFiniteLogits } from "../train/evaluate.js";
import { BatchQueue } from "./batch-queue.js";
import { commandOptions, knownOptions, oneOf, requireOption } from "./checks.js";
import "./disposal.js";
import { sharedEngine } from "./engine.js";
import { type ImageInputs, imagesOf, type OneImage } from "./image-input.js";
import { ImageMaker } from "./image-maker.js";
import { inOrder } from "./in-order.js";
import type {
  ClassProbability,
  Embedding,
  FailedPrediction,
  LoadModelOptions,
  Model,
  Prediction,
  PredictOptions,
} from "./model.js";
import { NetworkSessions, type Outputs } from "./network-sessions.js";

// With `satisfies`, none can be forgotten here: options besides settings, and settings that are no options.
const ownOptions = Object.keys({ engine: 0, signal: 0, note: 0, fetching: 0 } satisfies Record<
  Exclude<keyof LoadModelOptions, keyof Options<"predict">>,
  0
>);
const otherSettings = Object.keys({
  ...{
    run: 0,
    weights: 0,
    device: 0,
    top: 0,
    logits: 0,
    features: 0,
    csv: 0,
    annotate: 0,
    explain: 0,
    explainClass: 0,
    json: 0,
    badImages: 0,
  },
} satisfies Record<Exclude<keyof Options<"predict">, keyof LoadModelOptions>, 0>);

const predictOptions = Object.keys({
  ...{ top: 0, badImages: 0, signal: 0 },
} satisfies Record<keyof PredictOptions, 0>);

/**
 * Loads a model, and opens the engine if need be.
 * @param source a run's folder or checkpoint, an `.npz` or safetensors with a head, or a published name
 * @throws UserError where there is none, it is damaged, or an option is none or not possible
 * @throws TypeError where the source is no string
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<Model> {
  if (typeof source !== "string")
    throw new TypeError("source: a path or a published model's name, as a string");
  commandOptions("predict", options, { without: otherSettings, others: ownOptions });
  const { bitPretrainedDir = ".", note: line, fetching, signal } = options;
  const found = await findSource(source, bitPretrainedDir, options, { line, fetching, signal });
  const trained = await findTrainedModel(found, options);
  const engine = options.engine ?? sharedEngine();
  const model = new LoadedModel(trained, engine, options);
  try {
    await model.warmUp();
    return model;
  } catch (error) {
    await model.close();
    throw error;
  }
}

const defaultWindow = 64;

class LoadedModel implements Model {
  readonly name: string;
  readonly classes: number;
  readonly classNames: readonly string[] | undefined;
  readonly weights: string;
  readonly size: number | undefined;
  readonly featureSize: number;
  readonly precision: Precision;
  readonly notes: readonly string[];
  private readonly sessions: NetworkSessions;
  private readonly queue: BatchQueue;
  private readonly maker: ImageMaker;
  /** What was thrown of images; all else is no image's fault. */
  private readonly faults = new WeakSet<object>();
  /** Images of one call under way. */
  private readonly window: number;

  constructor(trained: TrainedModel, engine: Engine, options: LoadModelOptions) {
    const { batch, size, workers = availableParallelism() } = options;
    const { model, classes, classNames, crop, weights, architecture } = trained;
    this.name = model;
    this.classes = classes;
    this.classNames = classNames;
    this.weights = weights;
    this.size = size ?? crop;
    this.featureSize = featureChannels(architecture);
    this.precision = precisionOf(trained, engine, options.precision);
    this.window = batch === undefined ? defaultWindow : 2 * batch;
    this.notes = [...trained.notes, ...(this.size === undefined ? [unknownSize(weights)] : [])];
    this.sessions = new NetworkSessions(trained, engine, this.precision, batch);
    this.queue = new BatchQueue(this.sessions);
    const asked = { size, flag: "size" };
    this.maker = new ImageMaker(engine, {
      workers,
      resize: options.resize ?? trained.resize,
      sideFor: (typical) => imageSize(trained, typical, asked).size,
    });
  }

  /** Loads the weights, where it is known for which images. */
  async warmUp(): Promise<void> {
    if (this.size !== undefined) await this.sessions.open(this.maker.formatOf(this.size));
  }

  predict(
    images: ImageInputs,
    options: PredictOptions & { readonly badImages: "report" },
  ): AsyncGenerator<Prediction | FailedPrediction, void, undefined>;
  predict(
    images: ImageInputs,
    options?: PredictOptions & { readonly badImages?: "refuse" | undefined },
  ): AsyncGenerator<Prediction, void, undefined>;
  async *predict(
    images: ImageInputs,
    options: PredictOptions = {},
  ): AsyncGenerator<Prediction | FailedPrediction, void, undefined> {
    knownOptions(options, predictOptions);
    const { top = this.classes, badImages = "refuse", signal } = options;
    requireOption("top", settingTable.top, top);
    oneOf("badImages", badImages, ["refuse", "report"]);
    let index = 0;
    for await (const { source: one, outcome } of this.outputs(images, false, signal)) {
      const { source, name } = one;
      if (outcome.value === undefined) {
        const { error } = outcome;
        const isOfImage = error instanceof UserError && this.faults.has(error);
        if (badImages === "refuse" || !isOfImage) throw error;
        yield { source, index, error };
      } else {
        const { logits } = outcome.value;
        requireFiniteLogits(this.weights, name, logits);
        yield { source, index, top: this.named(logits, top), logits };
      }
      index++;
    }
  }

  async embed(
    images: ImageInputs,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embedding> {
    knownOptions(options, ["signal"]);
    const { signal } = options;
    const rows: Float32Array[] = [];
    for await (const { source, outcome } of this.outputs(images, true, signal)) {
      if (outcome.value === undefined) throw outcome.error;
      requireFiniteLogits(this.weights, source.name, outcome.value.logits);
      rows.push(outcome.value.features!);
    }
    const features = new Float32Array(rows.length * this.featureSize);
    for (const [i, row] of rows.entries()) features.set(row, i * this.featureSize);
    return { features, shape: [rows.length, this.featureSize] };
  }

  async close(): Promise<void> {
    await Promise.all([this.queue.close(), this.maker.close()]);
    this.sessions.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async *outputs(images: ImageInputs, withFeatures: boolean, asked?: AbortSignal) {
    const left = new AbortController();
    const { signal } = left;
    const work = (one: OneImage): Promise<Outputs> => {
      const made = this.maker.make(one);
      made.catch((error: object) => this.faults.add(error));
      return this.queue.add(made, { withFeatures, signal });
    };
    try {
      yield* inOrder(imagesOf(images), work, { most: this.window, signal: asked });
    } finally {
      // What was begun for a reader who has left is not computed.
      left.abort();
    }
  }

  private named(logits: Float32Array, top: number): ClassProbability[] {
    return topProbabilities(logits, top).map(({ class: index, probability }) => {
      return { name: this.classNames?.[index] ?? `class ${index}`, index, probability };
    });
  }
}

function unknownSize(weights: string): string {
  return (
    `${weights} does not say at what size it was trained: each image is resized as the BiT-HyperRule ` +
    "has it for its size, 128 or 480 (option size)"
  );
}
