/** Loading a dataset to evaluate a model on it: one part, by the model's classes. */
import type { PartName } from "./part-names.js";

/** What is evaluated, and by which classes. */
export interface EvaluationUse {
  /** What the model's outputs mean, in their order; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** How many outputs it has. */
  readonly classes: number;
  /** The part that is asked for; by default the held-out one. */
  readonly part?: PartName | undefined;
  /** Whether the model was trained on this very dataset: of one that is not divided, the same fifth is held out. */
  readonly trainedOn: boolean;
  /** How the dataset's classes are found among the model's; default by their names. */
  readonly match?: ClassMatching | undefined;
}

export const classMatchings = ["name", "order"] as const;
/**
 * By name; or in their order, where nobody says what the model's outputs mean, or the user wants it.
 * @useDeclaredType
 */
export type ClassMatching = (typeof classMatchings)[number];

/** What was made of a dataset for an evaluation. */
export interface EvaluatedPart {
  /** `whole` is all of a dataset that is not divided. */
  readonly part: PartName | "whole";
  /** Classes of the model of which the part has images. */
  readonly classes: number;
  readonly matching: ClassMatching;
}
