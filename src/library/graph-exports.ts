/**
 * `bit-train/graph`: the network as TF.js code, the backend that writes graphs, and sessions that run them.
 * @module bit-train/graph
 */

export type { ArrayElementType } from "../archive/numeric-array.js";
export type {
  ByteRanges,
  Dataset,
  Decoder,
  FileSource,
  PixelSource,
  Split,
} from "../data/dataset.js";
export type { TensorflowBinding, TensorMetadata, TensorValues } from "../engine/binding.js";
export { type OpenedEngine, openEngine } from "../engine/open.js";
export { type Engine, type HostTensor, type Session, SessionError } from "../engine/session.js";
export { UserError } from "../errors.js";
export { GraphBackend, type Value } from "../graph/backend.js";
export type { WireType } from "../graph/collectives.js";
export { FunctionBuilder } from "../graph/function-builder.js";
export { type Graph, GraphBuilder } from "../graph/graph-builder.js";
export {
  type ConstantValues,
  type GraphNode,
  NodeList,
  type NodeOptions,
  type Output,
  type OutputSpec,
  type ShapedOutput,
} from "../graph/node-list.js";
export type {
  AttrValue,
  FunctionDef,
  GraphDef,
  NameAttrList,
  NodeDef,
  TensorProto,
  TensorShapeProto,
} from "../graph/proto.js";
export {
  type ComputeType,
  type Float32Operations,
  inType,
  type NarrowType,
  type NativeOperations,
  plainTarget,
  type Target,
  type Tiles,
} from "../graph/target.js";
export { trace } from "../graph/trace.js";
export type { ElementType } from "../graph/types.js";
export type { InputPolicy, Pipeline } from "../input/pipeline.js";
export type { ResizeMethod } from "../input/resize-method.js";
export type { FeatureSource, FeatureSplit } from "../input/split-tables.js";
export * from "../model/architecture.js";
export {
  type ArchiveArray,
  type FittedArchive,
  fitArchive,
  headClasses,
} from "../model/checkpoint.js";
export type { ChoosyBackend } from "../model/kernel-names.js";
export type { KernelOrder } from "../model/name-layouts.js";
export {
  type ForwardOptions,
  features,
  forward,
  head,
  type KernelForm,
  type Parameters,
} from "../model/resnet.js";
export type { RankPlace } from "../ranks/rank-place.js";
export type { Resolution } from "../recipe/hyperrule.js";
export type { Explained } from "../step/explain-step.js";
export {
  type EvalGraphOptions,
  evalGraph,
  type ImageInput,
  type NetworkGraph,
  predictGraph,
  type TrainGraph,
  type TrainGraphOptions,
  trainGraph,
} from "../step/graphs.js";
export {
  type OpenSession,
  openEvalProgram,
  openPredictProgram,
  openTrainProgram,
  type Program,
  type TrainProgram,
} from "../step/program.js";
export type { Network, TrainStepOptions } from "../step/train-step.js";
export type { LossOptions } from "../step/training-loss.js";
export type { GraphVariable, VariableGroup } from "../step/variables.js";
