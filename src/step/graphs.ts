/** Whole graphs: a network with its data. No session is needed to make one. */
import type { Dataset, Split } from "../data/dataset.js";
import { Collectives } from "../graph/collectives.js";
import { type Graph, GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import { inType } from "../graph/target.js";
import { defineDecoders } from "../input/decoders.js";
import { addFeaturePipeline } from "../input/feature-pipeline.js";
import {
  addPipeline,
  type InputPolicy,
  normalized,
  type Pipeline,
  type PipelineOptions,
} from "../input/pipeline.js";
import type { FeatureSplit } from "../input/split-tables.js";
import { featureChannels, isOfHead, variableSpecs } from "../model/architecture.js";
import { alone, type RankPlace } from "../ranks/rank-place.js";
import type { Resolution } from "../recipe/hyperrule.js";
import { addEvalStep, addPredictStep } from "./eval-step.js";
import { addExplainStep, type Explained } from "./explain-step.js";
import { addFeatureSharing } from "./feature-sharing.js";
import { addSharing } from "./share-state.js";
import type { TestTimeAugmentation } from "./test-time-augmentation.js";
import {
  addTrainStep,
  type GraphBatch,
  type Network,
  type TrainStepOptions,
} from "./train-step.js";
import { declareVariables, type GraphVariable } from "./variables.js";

/** A network in a graph. */
export interface NetworkGraph {
  readonly graph: Graph;
  readonly network: Network;
  readonly variables: readonly GraphVariable[];
  /** What makes its images, by name: `trainPipeline` and so on. */
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  /** What runs feed, by name. */
  readonly feeds: ReadonlyMap<string, OutputSpec>;
  /** What runs may fetch, by name. */
  readonly fetches: ReadonlyMap<string, OutputSpec>;
}

/** A graph that trains: it has `train/...` and `eval/...`. */
export interface TrainGraph extends NetworkGraph {
  /** What the optimizer remembers from step to step, momentum above all. */
  readonly optimizerState: readonly GraphVariable[];
  /** Of the process that runs it. */
  readonly place: RankPlace;
}

/** The names of the graphs' pipelines. */
export const trainPipeline = "train_images";
export const valPipeline = "val_images";
export const predictPipeline = "predict_images";

/** How images come into a graph. */
export interface ImageInput {
  /** Threads that make images. */
  readonly workers: number;
  /** How images are made. */
  readonly input?: InputPolicy | undefined;
}

/** How a network is trained. A cache of images is shared between training and validation. */
export interface TrainGraphOptions extends ImageInput, TrainStepOptions {
  readonly resolution: Resolution;
  /** Examples of one run: a batch, or a part of it. */
  readonly microBatch: number;
  /** Examples of one run, of this process. A batch's `split` is that of all processes together. */
  readonly evalBatch: number;
  /** Where several processes train together. The graph is the same in all of them. */
  readonly place?: RankPlace | undefined;
}

/** The graph that trains on `dataset.train` and evaluates on `dataset.val`. */
export async function trainGraph(
  network: Network,
  dataset: Pick<Dataset, "train" | "val">,
  options: TrainGraphOptions,
): Promise<TrainGraph> {
  const { resolution, microBatch, evalBatch, workers, place = alone } = options;
  const split = options.split / place.ranks;
  const { train, val } = dataset;
  const inputOf = (part: Split): InputPolicy => {
    const share = part.labels.length / (train.labels.length + val.labels.length);
    const all = options.input?.cacheBytes;
    const cacheBytes = all === undefined ? undefined : Math.floor(all * share);
    return { ...options.input, cacheBytes };
  };
  const under = begun(network);
  defineDecoders(under.builder, network.target);
  const batch = pipeline(under, train, {
    name: trainPipeline,
    batch: microBatch,
    resizeTo: resolution.precrop,
    crop: resolution.crop,
    workers,
    ...inputOf(train),
  });
  const { builder, variables } = under;
  const collectives = place.ranks > 1 ? new Collectives(builder, place.ranks) : undefined;
  const step = { ...options, split, collectives };
  const optimizerState = await addTrainStep(builder, network, variables, batch, step);
  const valOptions = { size: resolution.crop, evalBatch, workers, input: inputOf(val) };
  await addEvalStep(builder, network, variables, validation(under, val, valOptions), {
    collectives,
  });
  if (collectives) addSharing(builder, collectives, [...variables, ...optimizerState]);
  return { ...finished(under), optimizerState, place };
}

/** What of a network is trained where its body is frozen, and on what. */
export type HeadGraphOptions = Omit<TrainStepOptions, "mixup"> &
  Pick<TrainGraphOptions, "microBatch" | "evalBatch" | "place">;

/**
 * The graph that trains the head alone, on the features of a dataset, and evaluates on features. It has all
 * of the network's variables, so that its checkpoints are whole models; the body's stay as they are set.
 */
export async function headGraph(
  network: Network,
  { train, val }: { readonly train: FeatureSplit; readonly val: FeatureSplit },
  { microBatch, evalBatch, place = alone, ...options }: HeadGraphOptions,
): Promise<TrainGraph> {
  // The head computes in float32, whatever the body does.
  const under = begun({ ...network, target: inType(network.target, "float32") });
  const { builder, pipelines, variables } = under;
  const batchOf = (name: string, part: FeatureSplit, batch: number): GraphBatch => {
    const { pipeline: made, ...values } = addFeaturePipeline(builder, part, { name, batch });
    pipelines.set(name, made);
    return values;
  };
  const trained = variables.filter(isOfHead);
  const batch = batchOf(trainPipeline, train, microBatch);
  const collectives = place.ranks > 1 ? new Collectives(builder, place.ranks) : undefined;
  const step = { mixup: false, ...options, split: options.split / place.ranks, collectives };
  const optimizerState = await addTrainStep(builder, under.network, trained, batch, step);
  const held = batchOf(valPipeline, val, evalBatch);
  await addEvalStep(builder, under.network, trained, held, { collectives });
  if (collectives) addSharing(builder, collectives, [...variables, ...optimizerState]);
  return { ...finished(under), optimizerState, place };
}

/** How a part of a dataset is evaluated. */
export interface EvalGraphOptions extends ImageInput {
  /** Side to which images are resized. */
  readonly size: number;
  readonly evalBatch: number;
  /** Default: each image as it is. */
  readonly tta?: TestTimeAugmentation | undefined;
}

/** The graph that evaluates on `val`. */
export async function evalGraph(
  network: Network,
  val: Split,
  options: EvalGraphOptions,
): Promise<NetworkGraph> {
  const under = begun(network);
  defineDecoders(under.builder, network.target);
  const batch = validation(under, val, options);
  await addEvalStep(under.builder, network, under.variables, batch, { tta: options.tta });
  return finished(under);
}

/**
 * The graph that gives `predict/logits` and `predict/features` of the images that a run feeds as `images`,
 * float32 `shape` `[N,H,W,3]`; and what explains them, where classes are `explained`.
 */
export async function predictGraph(
  network: Network,
  shape: readonly [number, number, number, 3],
  explained?: Explained,
): Promise<NetworkGraph> {
  const under = begun(network);
  const images = under.builder.placeholder("images", "float32", shape);
  await addPrediction(under, images, "predict", explained);
  return finished(under);
}

async function addPrediction(
  { builder, network, variables }: UnderWay,
  images: Output,
  name: string,
  explained: Explained | undefined,
): Promise<void> {
  if (explained === undefined) await addPredictStep(builder, network, variables, images, name);
  else await addExplainStep(builder, network, variables, images, { name, explained });
}

/** How images of files are predicted. */
export interface PredictImagesOptions extends ImageInput {
  /** Side to which images are resized. */
  readonly size: number;
  readonly batch: number;
  /** Of which classes an explanation is wanted; default none. */
  readonly explained?: Explained | undefined;
  /** Where several processes see images together, for features alone: `addFeatureSharing`. */
  readonly place?: RankPlace | undefined;
}

/**
 * As `predictGraph`, for images that the engine itself decodes and resizes: each run takes the next batch
 * of `predictPipeline`, of which the labels play no part.
 */
export async function predictImagesGraph(
  network: Network,
  images: Split,
  { size, batch, workers, input, explained, place = alone }: PredictImagesOptions,
): Promise<NetworkGraph> {
  const under = begun(network);
  const { builder, variables } = under;
  defineDecoders(builder, network.target);
  // A process has resources in common for all graphs of several ranks: a name means batches of one size.
  const name = place.ranks === 1 ? predictPipeline : `${predictPipeline}_${batch}`;
  const options = { name, workers, ...input };
  const made = pipeline(under, images, { ...options, batch, resizeTo: size });
  if (place.ranks === 1) await addPrediction(under, made.images, "predict", explained);
  else {
    const { features } = await addPredictStep(builder, network, variables, made.images);
    const shape = [batch, featureChannels(network.architecture)] as const;
    addFeatureSharing(builder, place, variables, features, shape);
  }
  return finished(under);
}

/** What images a graph takes: bytes of 0 to 255, or float32 in [-1, 1], of one size. */
export interface ImageFormat {
  readonly type: "uint8" | "float32";
  readonly height: number;
  readonly width: number;
}

/**
 * The graph that takes batches of several sizes; its variables are there once for all of them. A run of
 * `n` images feeds `images_n` and fetches `predict_n/logits` and `predict_n/features`.
 * @param batches images at a time
 */
export async function classifierGraph(
  network: Network,
  { type, height, width }: ImageFormat,
  batches: readonly number[],
  explained?: Explained,
): Promise<NetworkGraph> {
  const under = begun(network);
  const { builder } = under;
  for (const batch of batches) {
    const fed = builder.placeholder(`images_${batch}`, type, [batch, height, width, 3]);
    const images: Output = type === "uint8" ? normalized(builder, fed, network.target) : fed;
    await addPrediction(under, images, `predict_${batch}`, explained);
  }
  return finished(under);
}

/** A graph to which nodes are still added. */
interface UnderWay {
  readonly builder: GraphBuilder;
  readonly network: Network;
  readonly variables: readonly GraphVariable[];
  readonly pipelines: Map<string, Pipeline>;
}

function begun(network: Network): UnderWay {
  const builder = new GraphBuilder();
  const specs = variableSpecs(network.architecture, network.classes);
  const variables = declareVariables(builder, specs, network.target, network.kernels);
  return { builder, network, variables, pipelines: new Map() };
}

function finished({ builder, network, variables, pipelines }: UnderWay): NetworkGraph {
  const { feeds, fetches } = builder;
  return { graph: builder.build(), network, variables, pipelines, feeds, fetches };
}

function pipeline(
  { builder, network, pipelines }: UnderWay,
  split: Split,
  options: Omit<PipelineOptions, "target">,
): GraphBatch {
  const { pipeline: made, ...batch } = addPipeline(builder, split, {
    ...options,
    target: network.target,
  });
  pipelines.set(made.name, made);
  return batch;
}

function validation(
  under: UnderWay,
  val: Split,
  { size, evalBatch, workers, input }: EvalGraphOptions,
): GraphBatch {
  const options = { name: valPipeline, workers, ...input };
  return pipeline(under, val, { ...options, batch: evalBatch, resizeTo: size });
}
