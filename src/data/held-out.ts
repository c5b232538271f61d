/** Loading a dataset for its held-out part alone, as an evaluation does. */
import { UserError } from "../errors.js";
import { listed } from "./files/class-folders.js";

/** That only the held-out part is used: no training image needs to be there, or is decoded. */
export interface HeldOutOnly {
  /** What the model's outputs mean, in their order; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
}

/** A class's name, or its WordNet id where it begins with one: what lists of ImageNet agree on. */
export function classKey(name: string): string {
  return /^n\d{8}\b/.exec(name)?.[0] ?? name;
}

/**
 * Held-out labels by the model's classes, where no training images tell what the classes are.
 * @param labels `[n]`, each into `names`
 * @param where what is held out, for the message
 * @throws UserError where the model has not all of the classes, naming those
 */
export function labelledAs(
  labels: Int32Array,
  names: readonly string[],
  classNames: readonly string[],
  where: string,
): Int32Array {
  const labelOf = new Map(classNames.map((name, label) => [classKey(name), label]));
  const own = names.map((name) => labelOf.get(classKey(name)));
  const strangers = names.filter((_, i) => own[i] === undefined);
  if (strangers.length === 0) return labels.map((label) => own[label]!);
  throw new UserError(
    where,
    `has ${listed(strangers)}, which are no classes of the model`,
    `some of its ${classNames.length} classes, such as ${listed(classNames.slice(0, 2))}`,
    "choose the dataset that it was trained on",
  );
}
