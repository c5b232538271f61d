/** What a model is to a program: what it is loaded with, and what it gives. */
import type { Engine } from "../engine/session.js";
import type { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { FetchConsole } from "../run/fetching.js";
import type { FetchPolicy } from "../run/options.js";
import type { Precision } from "../settings/choices.js";
import type { Closable } from "./disposal.js";
import type { ImageInput, ImageInputs } from "./image-input.js";

/** Which model, and how it computes. */
export interface LoadModelOptions extends Pick<FetchPolicy, "offline" | "baseUrl"> {
  /** The engine to compute on; by default one that is opened for all of the program. */
  readonly engine?: Engine | undefined;
  /** The run's best checkpoint instead of its newest; default false. */
  readonly best?: boolean | undefined;
  /** Where a published model's archive is looked for, and brought if it is missing; default `.`. */
  readonly bitPretrainedDir?: string | undefined;
  /** The model's name; for an `.npz` by default its own, or its file's. */
  readonly model?: string | undefined;
  /**
   * Side to which images are resized; by default the run's crop. A model that does not tell its own takes
   * each image at what the BiT-HyperRule trains images of its size at: 128 for small ones, else 480.
   */
  readonly size?: number | undefined;
  /** Images at a time, at most; by default 32, or as many as the memory allows. */
  readonly batch?: number | undefined;
  /** By default as in the run, or the device's fastest. */
  readonly precision?: Precision | undefined;
  /** How images are resized; by default as in the run, or `pillow`. */
  readonly resize?: ResizeMethod | undefined;
  /** Images that are read and decoded at a time; default one a core. */
  readonly workers?: number | undefined;
  /** Stops a download; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Told that a model is downloaded. */
  readonly note?: ((line: string) => void) | undefined;
  /** How far a file is, of how much if the server says. */
  readonly fetching?: FetchConsole["fetching"];
}

/** A class and how probable it is. */
export interface ClassProbability {
  /** The class's name, or `class 7` where nobody says what the model's classes are. */
  readonly name: string;
  /** Its place among the model's classes, from 0. */
  readonly index: number;
  /** In [0, 1]; of all classes the sum is 1. */
  readonly probability: number;
}

/** What a model makes of one image. */
export interface Prediction {
  /** The image as it was given; of pixels of several images, all of them. */
  readonly source: ImageInput;
  /** Its place among the images, from 0. */
  readonly index: number;
  /** The most likely classes, the likeliest first; of equal ones the lower index. */
  readonly top: readonly ClassProbability[];
  /** `[classes]` */
  readonly logits: Float32Array;
  readonly error?: undefined;
}

/** An image that cannot be used, in its place among the others. */
export interface FailedPrediction {
  readonly source: ImageInput;
  readonly index: number;
  /** What is wrong with it. */
  readonly error: UserError;
  readonly top?: undefined;
  readonly logits?: undefined;
}

export interface PredictOptions {
  /** So many classes in `top`; default all. */
  readonly top?: number | undefined;
  /**
   * What becomes of an image that cannot be used: `refuse` (the default) throws what is wrong with it,
   * after the predictions of those before; `report` yields a `FailedPrediction` in its place.
   */
  readonly badImages?: "refuse" | "report" | undefined;
  /** Ends the predictions; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** Features of images, for nearest neighbours, clustering, or another classifier. */
export interface Embedding {
  /** Row-major. */
  readonly features: Float32Array;
  /** `[images, 2048 * width]` */
  readonly shape: readonly [number, number];
}

/** A model in memory. Any number of calls may be under way; what they give is computed together. */
export interface Model extends Closable {
  /** As in `BiT-M-R50x1`. */
  readonly name: string;
  /** Number of its outputs. */
  readonly classes: number;
  /** What they mean; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** The archive of its weights. */
  readonly weights: string;
  /** Side to which images are resized; undefined where each image's own size decides. */
  readonly size: number | undefined;
  /** Values of an image's features: 2048 times the width. */
  readonly featureSize: number;
  readonly precision: Precision;
  /** What people should know of: what was guessed, and what does not agree. */
  readonly notes: readonly string[];
  /**
   * What the model makes of images, in their order. Images are read ahead of those that are taken, at
   * most two batches.
   * @throws UserError at an image that cannot be used, unless they are reported
   */
  predict(
    images: ImageInputs,
    options: PredictOptions & { readonly badImages: "report" },
  ): AsyncGenerator<Prediction | FailedPrediction, void, undefined>;
  predict(
    images: ImageInputs,
    options?: PredictOptions & { readonly badImages?: "refuse" | undefined },
  ): AsyncGenerator<Prediction, void, undefined>;
  /**
   * Features of images, in their order: what the network's head sees.
   * @throws UserError at an image that cannot be used
   */
  embed(
    images: ImageInputs,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Embedding>;
}
