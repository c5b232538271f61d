/** What an evaluation is of. */
import type { Dataset } from "../data/dataset.js";
import type { Precision } from "../settings/choices.js";
import type { HeadlessModel } from "./trained-model.js";

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
