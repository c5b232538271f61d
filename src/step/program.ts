/** Programs: graphs of `graphs.ts`, each in a session, ready to be run. */
import type { Dataset, Split } from "../data/dataset.js";
import type { Session } from "../engine/session.js";
import type { Graph } from "../graph/graph-builder.js";
import { loadPipeline, type Pipeline, startPipeline } from "../input/pipeline.js";
import type { FeatureSplit } from "../input/split-tables.js";
import { alone, type RankPlace } from "../ranks/rank-place.js";
import type { Explained } from "./explain-step.js";
import {
  type EvalGraphOptions,
  evalGraph,
  type HeadGraphOptions,
  headGraph,
  type NetworkGraph,
  type PredictImagesOptions,
  predictGraph,
  predictImagesGraph,
  type TrainGraphOptions,
  trainGraph,
} from "./graphs.js";
import type { Network } from "./train-step.js";
import type { GraphVariable } from "./variables.js";

/** Opens a session on a graph: an engine's `open`, or another implementation. */
export type OpenSession = (graph: Graph) => Session;

/** A network in a session. */
export interface Program {
  readonly session: Session;
  readonly network: Network;
  readonly variables: readonly GraphVariable[];
  /** What makes its images, by name. */
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  /** Which of the processes that share its work this is. */
  readonly place: RankPlace;
}

/** A program that trains: its session has `train/...` and `eval/...`. */
export interface TrainProgram extends Program {
  /** What the optimizer remembers from step to step, momentum above all. */
  readonly optimizerState: readonly GraphVariable[];
}

/**
 * Opens a graph, and puts the datasets of its pipelines where they are to be.
 * @throws SessionError where the device's memory does not suffice
 */
export async function openProgram(
  open: OpenSession,
  { graph, network, variables, pipelines }: NetworkGraph,
): Promise<Program> {
  const session = open(graph);
  try {
    for (const pipeline of pipelines.values()) await loadPipeline(session, pipeline);
  } catch (error) {
    session.close();
    throw error;
  }
  return { session, network, variables, pipelines, place: alone };
}

/** Lets a pipeline of a program begin anew: `startPipeline`. @throws Error where it has none of this name */
export async function startImages(
  { session, pipelines }: Pick<Program, "session" | "pipelines">,
  name: string,
  indices: Int32Array,
  augmentations: Int32Array,
): Promise<void> {
  const pipeline = pipelines.get(name);
  if (pipeline === undefined) throw new Error(`the program has no pipeline ${name}`);
  await startPipeline(session, pipeline, indices, augmentations);
}

/** Opens the graph that trains on `dataset.train` and evaluates on `dataset.val`. */
export async function openTrainProgram(
  open: OpenSession,
  network: Network,
  dataset: Pick<Dataset, "train" | "val">,
  options: TrainGraphOptions,
): Promise<TrainProgram> {
  const made = await trainGraph(network, dataset, options);
  const { optimizerState, place } = made;
  return { ...(await openProgram(open, made)), optimizerState, place };
}

/** Opens the graph that trains the head on features: `headGraph`. */
export async function openHeadProgram(
  open: OpenSession,
  network: Network,
  features: { readonly train: FeatureSplit; readonly val: FeatureSplit },
  options: HeadGraphOptions,
): Promise<TrainProgram> {
  const made = await headGraph(network, features, options);
  const { optimizerState, place } = made;
  return { ...(await openProgram(open, made)), optimizerState, place };
}

/** Opens the graph that evaluates on `val`. */
export async function openEvalProgram(
  open: OpenSession,
  network: Network,
  val: Split,
  options: EvalGraphOptions,
): Promise<Program> {
  return openProgram(open, await evalGraph(network, val, options));
}

/** Opens the graph that gives logits of the images that a run feeds: `predictGraph`. */
export async function openPredictProgram(
  open: OpenSession,
  network: Network,
  shape: readonly [number, number, number, 3],
  explained?: Explained,
): Promise<Program> {
  return openProgram(open, await predictGraph(network, shape, explained));
}

/** Opens the graph that gives logits of images that the engine decodes: `predictImagesGraph`. */
export async function openPredictImagesProgram(
  open: OpenSession,
  network: Network,
  images: Split,
  options: PredictImagesOptions,
): Promise<Program> {
  return openProgram(open, await predictImagesGraph(network, images, options));
}
