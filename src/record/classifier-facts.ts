/**
 * What a classifier's weights do not tell: what its outputs mean, and how photos become its input. Formats
 * that have a place for JSON keep it there in this form; in an archive of a model without a run it is a
 * member beside the variables, as `archive-record.ts` has it of those with one.
 */
import { z } from "zod";
import type { ArrayArchive } from "../archive/array-entry.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { counted } from "../counted.js";
import { type ResizeMethod, resizeMethods } from "../input/resize-method.js";
import { damagedMember, jsonMember, readJsonMember } from "./json-member.js";

/** The member's name in an archive. */
export const factsArray = "training/classifier";

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

/** A classifier, as far as facts are told of it. */
export interface Classifier {
  readonly model: string;
  readonly classNames: readonly string[] | undefined;
  readonly size: number;
  readonly resize: ResizeMethod;
}

/** The facts of a model. */
export function factsOf({ model, classNames, size, resize }: Classifier): ClassifierFacts {
  const labels = classNames === undefined ? {} : { labels: [...classNames] };
  return { model, ...labels, size, resize, ...normalization };
}

/** The facts that JSON tells; undefined where it does not. */
export function parseFacts(value: unknown): ClassifierFacts | undefined {
  return classifierFacts.safeParse(value).data;
}

/** The member that tells of a classifier in its archive. */
export function factsMember(classifier: Classifier): NamedArray {
  return jsonMember(factsArray, factsOf(classifier));
}

/**
 * What an archive tells of its classifier; undefined where it tells nothing.
 * @throws UserError where the member is damaged, or names other classes than its head has
 */
export async function readFacts(
  archive: ArrayArchive,
  classes: number,
): Promise<ClassifierFacts | undefined> {
  const json = await readJsonMember(archive, factsArray);
  if (json === undefined) return undefined;
  const facts = parseFacts(json);
  const named = facts?.labels?.length ?? classes;
  if (facts !== undefined && named === classes) return facts;
  throw damagedMember(
    archive.path,
    factsArray,
    facts === undefined
      ? "does not tell of a classifier"
      : `names ${counted(named, "class", "classes")}, where the head has ${classes}`,
  );
}
