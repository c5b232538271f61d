/** `bit-train/graph`: the network as TF.js code, the backend that writes graphs, and sessions that run them. */
export type { TensorflowBinding, TensorMetadata, TensorValues } from "../engine/binding.js";
export type { NarrowType } from "../engine/narrow-type.js";
export { type OpenedEngine, openEngine } from "../engine/open.js";
export { type Engine, type HostTensor, type Session, SessionError } from "../engine/session.js";
export { UserError } from "../errors.js";
export { type ComputePolicy, type ComputeType, GraphBackend } from "../graph/backend.js";
export { GraphBuilder } from "../graph/graph-builder.js";
export { NodeList, type NodeOptions, type Output, type OutputSpec } from "../graph/node-list.js";
export { trace } from "../graph/trace.js";
export * from "../model/architecture.js";
export { type ArchiveArray, fitArchive, headClasses } from "../model/checkpoint.js";
export { type ForwardOptions, features, forward, head, type Parameters } from "../model/resnet.js";
export {
  openEvalProgram,
  openPredictProgram,
  openTrainProgram,
  type Program,
  type TrainProgram,
  type TrainProgramOptions,
} from "../step/program.js";
export type { Network } from "../step/train-step.js";
export type { GraphVariable } from "../step/variables.js";
