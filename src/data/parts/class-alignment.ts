/** Which of a model's classes the classes of a dataset are: by their names, never by their order. */
import { UserError } from "../../errors.js";
import { listed } from "../listed.js";

/** A class's name, or its WordNet id where it begins with one: what lists of ImageNet agree on. */
export function classKey(name: string): string {
  return /^n\d{8}\b/.exec(name)?.[0] ?? name;
}

/** What became of a dataset's classes. */
export interface Alignment {
  /** For each of the dataset's classes its index among the others. */
  readonly indexOf: Int32Array;
  /** Pairs of names that were taken for the same although they differ in case, blanks or `_` and `-`. */
  readonly respelled: readonly (readonly [own: string, known: string])[];
}

/**
 * Finds classes among others by name: by WordNet id, else letter by letter, else, where that leaves no
 * doubt, but for case, blanks, `_` and `-`.
 * @param names the dataset's classes
 * @param known those among which they are looked for
 * @returns the alignment, or the names that are not among them
 */
export function alignClasses(
  names: readonly string[],
  known: readonly string[],
): Alignment | { readonly strangers: readonly string[] } {
  const exact = new Map(known.map((name, index) => [classKey(name), index]));
  const loose = unambiguous(known);
  const looseOwn = unambiguous(names);
  const indexOf = new Int32Array(names.length);
  const taken = new Set<number>();
  const strangers: string[] = [];
  const respelled: [string, string][] = [];
  names.forEach((name, i) => {
    let index = exact.get(classKey(name));
    if (index === undefined && looseOwn.get(spelling(name)) === i) {
      index = loose.get(spelling(name));
      if (index !== undefined) respelled.push([name, known[index]!]);
    }
    // Two of one are no alignment: then the later one is not known.
    if (index === undefined || taken.has(index)) strangers.push(name);
    else {
      indexOf[i] = index;
      taken.add(index);
    }
  });
  return strangers.length > 0 ? { strangers } : { indexOf, respelled };
}

/** Names by their spelling, those left out of which there are several. */
function unambiguous(names: readonly string[]): Map<string, number> {
  const indexOf = new Map<string, number>();
  const several = new Set<string>();
  names.forEach((name, i) => {
    const key = spelling(name);
    if (indexOf.has(key)) several.add(key);
    indexOf.set(key, i);
  });
  for (const key of several) indexOf.delete(key);
  return indexOf;
}

/** Groups of names that differ in case, blanks, `_` and `-`, or in leading zeros only. */
export function alike(names: readonly string[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const key = spelling(name).replace(/\b0+(?=\d)/g, "");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [name]);
    else group.push(name);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function spelling(name: string): string {
  return name
    .toLowerCase()
    .normalize("NFC")
    .replace(/[\s_-]+/g, " ")
    .trim();
}

/**
 * Classes that the model does not know, refused by name.
 * @param hint what to do, where that is known better
 */
export function unknownClasses(
  where: string,
  strangers: readonly string[],
  known: readonly string[],
  hint?: string,
): UserError {
  return new UserError(
    where,
    `has ${listed(strangers)}, which ${strangers.length > 1 ? "are no classes" : "is no class"} of the model`,
    `some of its ${known.length} classes, such as ${listed(known.slice(0, 2))}`,
    hint ??
      "choose the dataset that it was trained on, or name these classes as it does; where they are " +
        "the same in the same order, type --match_classes order",
  );
}
