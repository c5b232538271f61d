/** Two parts of a dataset that lie in class folders, brought under one list of classes. */
import { UserError } from "../../errors.js";
import { type Faults, report } from "../faults.js";
import { byCodePoint, type ClassFolders, listed } from "./class-folders.js";

/**
 * Both parts by the same classes, sorted by code point: all that either part has.
 * @param valRoot what the held-out part is called in the message
 * @param faults where classes of one part only are named, rather than in an error
 * @throws UserError if the parts' classes differ, naming those
 */
export function withSameClasses(
  train: ClassFolders,
  val: ClassFolders,
  valRoot: string,
  faults?: Faults,
): { readonly train: ClassFolders; readonly val: ClassFolders } {
  try {
    checkSameClasses(train.classNames, val.classNames, valRoot);
  } catch (error) {
    report(error, faults);
  }
  const classNames = [...new Set([...train.classNames, ...val.classNames])].sort(byCodePoint);
  return { train: relabelled(train, classNames), val: relabelled(val, classNames) };
}

/** @param classNames all that the part has, and maybe others */
function relabelled(part: ClassFolders, classNames: readonly string[]): ClassFolders {
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const own = part.classNames.map((name) => labelOf.get(name)!);
  return { ...part, classNames, labels: part.labels.map((label) => own[label]!) };
}

/**
 * Holds a held-out part's classes against those of the training set.
 * @param valRoot what the held-out part is called in the message
 * @throws UserError unless they are the same, naming those that differ
 */
function checkSameClasses(train: readonly string[], val: readonly string[], valRoot: string): void {
  const inTrain = new Set(train);
  const inVal = new Set(val);
  const missing = train.filter((name) => !inVal.has(name));
  const extra = val.filter((name) => !inTrain.has(name));
  if (missing.length === 0 && extra.length === 0) return;
  const faults = [
    missing.length > 0 ? `lacks ${listed(missing)}` : undefined,
    extra.length > 0 ? `has ${listed(extra)}, which train lacks` : undefined,
  ];
  throw new UserError(
    valRoot,
    faults.filter((fault) => fault !== undefined).join("; "),
    `the ${train.length} classes of train`,
    "give both parts the same class folders",
  );
}
