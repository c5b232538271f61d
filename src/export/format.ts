/** What a format of exports does: one file of a folder of its own, and a row in `formats.ts`. */
import type { Engine } from "../engine/session.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { ExportModel } from "./export-model.js";

export interface WriteOptions {
  /** Store weights in float16; they are computed with in float32. */
  readonly f16: boolean;
  readonly engine: Engine;
}

export interface ExportFormat {
  /** Whether it stores weights in float16 unasked. */
  readonly alwaysFloat16?: true;
  /** What people should know that the format's own tools do otherwise with this model. */
  notes?(model: ExportModel): readonly string[];
  /**
   * Writes a model into a folder, which is empty, and takes its name when all of it is verified.
   * @throws UserError where the format cannot hold the model, before anything large is written
   */
  write(model: ExportModel, folder: string, options: WriteOptions): Promise<void>;
  /**
   * Opens what was written, from its files alone: the reading that verifies.
   * @throws UserError where they are damaged
   */
  open(folder: string, engine: Engine): Promise<ExportedModel>;
}

/** An export, opened on the engine. */
export interface ExportedModel {
  /** As the format's own place says; undefined where it says nothing. */
  readonly classNames: readonly string[] | undefined;
  readonly size: number | undefined;
  readonly resize: ResizeMethod | undefined;
  /**
   * Logits `[N,classes]`.
   * @param images row-major, in [-1, 1]
   * @param shape `[N,size,size,3]`
   */
  logits(images: Float32Array, shape: ImageShape): Promise<Float32Array>;
  close(): Promise<void> | void;
}

/** `[N,H,W,3]` */
export type ImageShape = readonly [number, number, number, 3];
