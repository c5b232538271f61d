/** Whole programs: a network with its data in one session, ready to be stepped. */
import type { Dataset, Split } from "../data/dataset.js";
import type { Session } from "../engine/session.js";
import { type Graph, GraphBuilder } from "../graph/graph-builder.js";
import { defineDecoders } from "../input/decoders.js";
import { addPipeline, type InputPolicy } from "../input/pipeline.js";
import { variableSpecs } from "../model/architecture.js";
import type { Resolution } from "../recipe/hyperrule.js";
import { addEvalStep, addPredictStep } from "./eval-step.js";
import { addTrainStep, type Network } from "./train-step.js";
import { declareVariables, type GraphVariable } from "./variables.js";

/** Opens a session on a graph: `openNativeSession` with a binding, or another implementation. */
export type OpenSession = (graph: Graph) => Session;

/** A network in a session. */
export interface Program {
  readonly session: Session;
  readonly network: Network;
  readonly variables: readonly GraphVariable[];
}

/** A program that trains: its session has `train/...` and `eval/...`. */
export interface TrainProgram extends Program {
  /** What the optimizer remembers from step to step, momentum above all. */
  readonly optimizerState: readonly GraphVariable[];
}

/** The names of a program's pipelines. */
export const trainPipeline = "train_images";
export const valPipeline = "val_images";
export const predictPipeline = "predict_images";

export interface TrainProgramOptions {
  readonly resolution: Resolution;
  /** Examples of one run: a batch, or a part of it. */
  readonly microBatch: number;
  /** Parts of a batch. */
  readonly split: number;
  readonly mixup: boolean;
  readonly evalBatch: number;
  readonly workers: number;
  /** How images are made; a cache is shared between training and validation. */
  readonly input?: InputPolicy | undefined;
}

/** Builds the graph that trains on `dataset.train` and evaluates on `dataset.val`, and opens it. */
export async function openTrainProgram(
  open: OpenSession,
  network: Network,
  dataset: Pick<Dataset, "train" | "val">,
  options: TrainProgramOptions,
): Promise<TrainProgram> {
  const { resolution, microBatch, split, mixup, evalBatch, workers } = options;
  const { train, val } = dataset;
  const inputOf = (part: Split): InputPolicy => {
    const share = part.labels.length / (train.labels.length + val.labels.length);
    const all = options.input?.cacheBytes;
    const cacheBytes = all === undefined ? undefined : Math.floor(all * share);
    return { ...options.input, cacheBytes };
  };
  const builder = new GraphBuilder();
  const variables = declareAll(builder, network);
  defineDecoders(builder, network.target);
  const batch = addPipeline(builder, train, {
    target: network.target,
    name: trainPipeline,
    batch: microBatch,
    resizeTo: resolution.precrop,
    crop: resolution.crop,
    workers,
    ...inputOf(train),
  });
  const optimizerState = await addTrainStep(builder, network, variables, batch, { mixup, split });
  await addValidation(
    builder,
    network,
    variables,
    val,
    resolution.crop,
    evalBatch,
    workers,
    inputOf(val),
  );
  return { session: open(builder.build()), network, variables, optimizerState };
}

/** Builds the graph that evaluates on `val` at `size` pixels, and opens it. */
export async function openEvalProgram(
  open: OpenSession,
  network: Network,
  val: Split,
  options: {
    readonly size: number;
    readonly evalBatch: number;
    readonly workers: number;
    readonly input?: InputPolicy | undefined;
  },
): Promise<Program> {
  const builder = new GraphBuilder();
  const variables = declareAll(builder, network);
  defineDecoders(builder, network.target);
  const { size, evalBatch, workers } = options;
  await addValidation(builder, network, variables, val, size, evalBatch, workers, options.input);
  return { session: open(builder.build()), network, variables };
}

/**
 * Builds the graph that gives logits, and opens it: `predict/logits`, from the images that a run
 * feeds as `images`, float32 `shape` `[N,H,W,3]`.
 */
export async function openPredictProgram(
  open: OpenSession,
  network: Network,
  shape: readonly [number, number, number, 3],
): Promise<Program> {
  const builder = new GraphBuilder();
  const variables = declareAll(builder, network);
  const images = builder.placeholder("images", "float32", shape);
  await addPredictStep(builder, network, variables, images);
  return { session: open(builder.build()), network, variables };
}

/**
 * As `openPredictProgram`, for images that the engine itself decodes and resizes to `size`: each run
 * takes the next batch of `predictPipeline`, of which the labels play no part.
 */
export async function openPredictImagesProgram(
  open: OpenSession,
  network: Network,
  images: Split,
  options: {
    readonly size: number;
    readonly batch: number;
    readonly workers: number;
    readonly input?: InputPolicy | undefined;
  },
): Promise<Program> {
  const builder = new GraphBuilder();
  const variables = declareAll(builder, network);
  defineDecoders(builder, network.target);
  const { size, batch, workers } = options;
  const { target } = network;
  const named = { target, name: predictPipeline };
  const pipeline = { ...named, batch, resizeTo: size, workers, ...options.input };
  await addPredictStep(builder, network, variables, addPipeline(builder, images, pipeline).images);
  return { session: open(builder.build()), network, variables };
}

function declareAll(builder: GraphBuilder, network: Network): GraphVariable[] {
  const specs = variableSpecs(network.architecture, network.classes);
  return declareVariables(builder, specs, network.target);
}

async function addValidation(
  builder: GraphBuilder,
  network: Network,
  variables: readonly GraphVariable[],
  val: Split,
  size: number,
  batch: number,
  workers: number,
  input: InputPolicy = {},
): Promise<void> {
  const { target } = network;
  const options = { target, name: valPipeline, batch, resizeTo: size, workers, ...input };
  const images = addPipeline(builder, val, options);
  await addEvalStep(builder, network, variables, images);
}
