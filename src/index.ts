/** The library: what a program that imports `bit-train` can use. */

export { readNpy, writeNpy } from "./archive/npy.js";
export { decodeNpzBytes, encodeNpzBytes } from "./archive/npz-bytes.js";
export { type NpzEntry, NpzReader } from "./archive/npz-reader.js";
export { writeNpz } from "./archive/npz-writer.js";
// Archives.
export type { ElementType, NamedArray, NumericArray } from "./archive/numeric-array.js";
export type { Dataset, FileSource, PixelSource, Split } from "./data/dataset.js";
export { type DatasetRequest, loadDataset } from "./data/datasets.js";
export { describeSelection } from "./data/few-shot.js";
export type { DataFetch } from "./data/published/published-file.js";
export type { OpenedEngine } from "./engine/open.js";
export { type HostTensor, type Session, SessionError } from "./engine/session.js";
export { UserError } from "./errors.js";
export { type ComputeType, GraphBackend } from "./graph/backend.js";
// Graphs and the engine.
export { GraphBuilder } from "./graph/graph-builder.js";
export { trace } from "./graph/trace.js";
export { type LibraryEngine, openEngine, sharedEngine } from "./library/engine.js";
export type { ImageInput, ImageInputs, RawPixels } from "./library/image-input.js";
export { loadModel } from "./library/loaded-model.js";
export type {
  ClassProbability,
  Embedding,
  FailedPrediction,
  LoadModelOptions,
  Model,
  Prediction,
  PredictOptions,
} from "./library/model.js";
// The model.
export * from "./model/architecture.js";
export { type ArchiveArray, fitArchive, headClasses } from "./model/checkpoint.js";
export { forward, type Parameters } from "./model/resnet.js";
// The recipe and the data.
export * from "./recipe/hyperrule.js";
export { mixupLambda, mixupPartners } from "./recipe/mixup.js";
export { getPaddleSchedule, type Recipe, type RecipeName, recipeOf } from "./recipe/recipes.js";
export { checkDataset, type DatasetReport } from "./run/check-dataset.js";
export {
  type EvaluateConsole,
  type EvaluateOptions,
  type EvaluationReport,
  evaluateRun,
} from "./run/evaluate-run.js";
export { type FineTuneResult, fineTune, type RunConsole } from "./run/fine-tune.js";
export type { FetchPolicy, FineTuneOptions, RunConfig } from "./run/options.js";
export type { RunRecord } from "./run/run-record.js";
export {
  findTrainedModel,
  loadWeights,
  type ModelWishes,
  type TrainedModel,
} from "./run/trained-model.js";
// Steps, training, evaluation, prediction.
export {
  openEvalProgram,
  openPredictProgram,
  openTrainProgram,
  type Program,
  type TrainProgram,
} from "./step/program.js";
export { type EvaluationResult, evaluate } from "./train/evaluate.js";
export { type TrainObserver, type TrainPlan, train } from "./train/train.js";
// Published models.
export {
  addressOf,
  type DownloadedModel,
  type DownloadOptions,
  downloadModel,
} from "./zoo/download-model.js";
export { downloadModels } from "./zoo/download-models.js";
export {
  findZooModel,
  findZooModels,
  modelBytes,
  modelParameters,
  modelPath,
  VTAB,
  ZOO,
  type ZooModel,
  zooModel,
} from "./zoo/models.js";
export { verifyModel } from "./zoo/verify-model.js";
