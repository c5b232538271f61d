/** What an evaluation is asked for, who is told of it, and what it is of. */
import type { Dataset } from "../data/dataset.js";
import type { Precision } from "../settings/choices.js";
import type { Options } from "../settings/table.js";
import type { FetchConsole } from "./fetching.js";
import type { HeadlessModel } from "./trained-model.js";

/**
 * What is to be evaluated: the settings of `bit-eval` under the same names. What is left out is as it was in
 * the run.
 */
export interface EvaluateOptions extends Omit<Options<"eval">, "json"> {
  /** A run's folder or checkpoint, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
}

/** Who is told how an evaluation goes on, and may stop it. */
export interface EvaluateConsole extends FetchConsole {
  readonly evaluating?: ((done: number, total: number) => void) | undefined;
}

/** What is evaluated, found and read but for its images. */
export interface EvaluatedModel {
  readonly trained: HeadlessModel;
  /** What is evaluated is its `val`. */
  readonly dataset: Dataset;
  /** Of which one is right for each image. */
  readonly classes: number;
  readonly crop: number;
  readonly precision: Precision;
  readonly notes: readonly string[];
  /** Real labels of its images, where a file of them is given. */
  readonly realLabels: readonly (readonly number[])[] | undefined;
}
