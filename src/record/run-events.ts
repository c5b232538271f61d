/**
 * What a run tells, while it goes on, to whoever follows it: the files of its folder, the command line, a
 * program. One union of events for all, each with its `type`.
 */
import type { EvaluationResult, StepReport } from "../train/reports.js";
import type { BestResult } from "./manifest.js";
import type { RunConfig } from "./run-config.js";
import type { RunFolder } from "./run-folder.js";

/** A line for people: what was found, guessed or changed, and what the run does. */
export interface NoteEvent {
  readonly type: "note";
  readonly level: "info" | "warning";
  readonly text: string;
}

/** How far the download of a file is. */
export interface FetchEvent {
  readonly type: "fetch";
  readonly file: string;
  readonly doneBytes: number;
  /** Undefined where the server does not say. */
  readonly totalBytes: number | undefined;
}

/** The run is planned, and its folder is there: what it will do. */
export interface StartEvent {
  readonly type: "start";
  /** What computes: as in `TensorFlow 2.21.0 (cpu) on the CPU`. */
  readonly device: string;
  readonly config: RunConfig;
}

/** A picture about the run. */
export interface PictureEvent {
  readonly type: "picture";
  /** Made once a start of the run, or of an evaluation. */
  readonly about: "start" | "evaluation";
  /** What it shows, as in `training images`. */
  readonly title: string;
  /** How to read it, in Markdown. */
  readonly description?: string;
  /** Steps done when it was made. */
  readonly step: number;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bits a channel. */
  readonly png: Uint8Array;
}

/** A step is done: the `step`-th, from 0, of `totalSteps`. */
export interface StepEvent extends StepReport {
  readonly type: "step";
  readonly totalSteps: number;
  /** Steps that were done when this part of the run began. */
  readonly startStep: number;
}

/** Of how many images the features are made, which the head is then trained on. */
export interface FeaturesEvent {
  readonly type: "features";
  readonly done: number;
  readonly total: number;
}

/** How many images an evaluation under way has done. */
export interface EvaluatingEvent {
  readonly type: "evaluating";
  readonly done: number;
  readonly total: number;
}

/** An evaluation is done. */
export interface ValidationEvent extends EvaluationResult {
  readonly type: "validation";
  /** Steps done, or `end` after the last. */
  readonly at: number | "end";
}

/** A checkpoint is written. */
export interface CheckpointEvent {
  readonly type: "checkpoint";
  /** Steps done in it. */
  readonly steps: number;
  /** Its folder, which stands for a model. Of older ones only some are kept. */
  readonly path: string;
}

/** How a run ended. */
export interface FineTuneResult {
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly steps: number;
  /** Steps after which the state was last saved: fewer where the loss was too high at the stop. */
  readonly saved: number;
  /** The evaluation before the first step, where one was asked for. */
  readonly before: EvaluationResult | undefined;
  /** The final evaluation; undefined where the run was interrupted. */
  readonly validation: EvaluationResult | undefined;
  /** The best evaluation of the run; undefined where there was none after a step. */
  readonly best: BestResult | undefined;
  /** Wall time of this process's part of the run. */
  readonly seconds: number;
}

/** The run has ended, at its end or where it was stopped; the last event. */
export interface DoneEvent {
  readonly type: "done";
  readonly result: FineTuneResult;
}

export type RunEvent =
  | NoteEvent
  | FetchEvent
  | StartEvent
  | PictureEvent
  | StepEvent
  | FeaturesEvent
  | EvaluatingEvent
  | ValidationEvent
  | CheckpointEvent
  | DoneEvent;

/** Who follows a run, and may stop it. */
export interface RunObserver {
  readonly event?: ((event: RunEvent) => void) | undefined;
  /** Whether the run is to stop after the step under way. */
  readonly interrupted?: (() => boolean) | undefined;
  /**
   * Stops a download, whose reason is thrown, and a run after the step under way. An evaluation is
   * abandoned, and made again when the run goes on.
   */
  readonly signal?: AbortSignal | undefined;
}
