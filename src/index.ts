/**
 * The library: models that predict, embed and are evaluated, and runs that fine-tune them. Archives,
 * graphs and the recipe are by themselves: `bit-train/archive`, `bit-train/graph`, `bit-train/recipe`.
 * @module bit-train
 */

export type { UnreadableImage } from "./data/dataset.js";
export type { ClassMatching, EvaluatedPart } from "./data/parts/evaluation.js";
export type { PartName } from "./data/parts/part-names.js";
export type { Flavour, InstalledEngine } from "./engine/installed.js";
export type { OpenedEngine } from "./engine/open.js";
export type { EngineListener } from "./engine/open-device.js";
export type { Engine } from "./engine/session.js";
export type { Compilation } from "./engine/xla/open-xla.js";
export { UserError } from "./errors.js";
export type { JsonValue, Measured } from "./evaluators/evaluator.js";
export type { Measures } from "./evaluators/registry.js";
export type { ExportConsole, ExportReport } from "./export/export.js";
export type { VerifyReport } from "./export/verify.js";
export type { ConnectionOptions } from "./fetch/connection.js";
export type { FetchOptions } from "./fetch/fetch-file.js";
export type { ResizeMethod } from "./input/resize-method.js";
export type { Closable } from "./library/disposal.js";
export { type EngineOptions, type LibraryEngine, openEngine } from "./library/engine.js";
export {
  type ExportModelOptions,
  type ExportWishes,
  exportModel,
  verifyExport,
} from "./library/export-model.js";
export {
  type EvaluatedEvent,
  type EvaluateOptions,
  type EvaluateWishes,
  type EvaluationEvent,
  evaluate,
  type FineTuneOptions,
  type FineTuneWishes,
  fineTune,
  type LibraryOptions,
} from "./library/fine-tune.js";
export type { FollowedRun } from "./library/followed-run.js";
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
export type { Resolution } from "./recipe/hyperrule.js";
export type { RecipeName } from "./recipe/recipes.js";
export type { BestResult } from "./record/manifest.js";
export type { RunConfig } from "./record/run-config.js";
export type {
  CheckpointEvent,
  DoneEvent,
  EvaluatingEvent,
  FeaturesEvent,
  FetchEvent,
  FineTuneResult,
  NoteEvent,
  PictureEvent,
  RunEvent,
  StartEvent,
  StepEvent,
  ValidationEvent,
} from "./record/run-events.js";
export type { RunFolder } from "./record/run-folder.js";
export type { EvaluationReport } from "./run/evaluate-run.js";
export type { FetchConsole } from "./run/fetching.js";
export type { FetchPolicy } from "./run/options.js";
export type { ExportFormatName, Precision } from "./settings/choices.js";
export type { TestTimeAugmentation } from "./step/test-time-augmentation.js";
export type { EvaluationResult, StepReport } from "./train/reports.js";
export type { TrainPlan } from "./train/train-plan.js";
export {
  type DownloadedModel,
  type DownloadOptions,
  downloadModel,
} from "./zoo/download-model.js";
export { findZooModels, modelPath, ZOO, type ZooModel, zooModel } from "./zoo/models.js";
