/**
 * What a classifier's weights do not tell: what its outputs mean, and how photos become its input. Formats
 * that have a place for JSON keep it there in this form.
 */
import { z } from "zod";
import { resizeMethods } from "../input/resize-method.js";
import type { ExportModel } from "./export-model.js";

/** (x / 255 - mean) / std, for each channel: values in [-1, 1]. */
const normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const classifierFacts = z.object({
  model: z.string(),
  /** In the order of the outputs; absent where nobody says. */
  labels: z.array(z.string()).optional(),
  /** The side to which photos are squashed, whatever their proportions. */
  size: z.int().positive(),
  resize: z.enum(resizeMethods),
  mean: z.array(z.number()),
  std: z.array(z.number()),
});

/** What is told of a classifier. */
export type ClassifierFacts = z.infer<typeof classifierFacts>;

/** The facts of a model. */
export function factsOf({ model, classNames, size, resize }: ExportModel): ClassifierFacts {
  const labels = classNames === undefined ? {} : { labels: [...classNames] };
  return { model, ...labels, size, resize, ...normalization };
}

/** The facts that JSON tells; undefined where it does not. */
export function parseFacts(value: unknown): ClassifierFacts | undefined {
  return classifierFacts.safeParse(value).data;
}
