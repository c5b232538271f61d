/** Both parts of a dataset that a training needs, by the classes of the one that is trained on. */
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type Faults, report } from "../faults.js";
import { listed } from "../listed.js";
import { alike } from "./class-alignment.js";
import type { DatasetOptions } from "./dataset-options.js";
import { divide, heldOutNames } from "./held-out.js";
import type { ListedDataset, ListedPart } from "./listed-dataset.js";
import { firstOf, keysOf, relabelled, withPresentClasses } from "./part-labels.js";
import { checkClasses, typicalSizeOf, type Usable, usableParts } from "./usable-images.js";

/**
 * The training part, or what is left of a dataset that is not divided, and what is held out.
 * @throws UserError as `datasetOf`
 */
export async function trainingDataset(
  { where, parts, notes = [], faults, typicalSize }: ListedDataset,
  { name, seed, badImages = "refuse" }: DatasetOptions,
): Promise<Dataset> {
  const heldOutName = heldOutNames.find((part) => parts[part] !== undefined);
  const listTrain = parts.train ?? parts.whole;
  if (listTrain === undefined) report(noTraining(where, heldOutName!), faults);
  const trainPart = (await listTrain?.()) ?? { ...(await parts[heldOutName!]!()), images: none };
  if (trainPart.classNames.length < 2) report(oneClass(trainPart), faults);
  const valPart = heldOutName && withPresentClasses(await parts[heldOutName]!());

  const { classNames, val: ownVal, missing } = sameClasses(trainPart, valPart, faults);
  const found = await usableParts(
    [trainPart, ...(ownVal === undefined ? [] : [ownVal])],
    badImages,
  );
  const [train, val] = found as [Usable, Usable | undefined];
  // What is taken as it is, as a subset of CIFAR in its official form, may lack classes.
  const checked = badImages !== "report" && train.headers !== undefined;
  if (checked) checkClasses(classNames, train.split, val?.split, trainPart.where);

  const divided =
    val === undefined
      ? {
          ...divide(train.split, classNames.length, seed, trainPart.where, faults),
          undivided: train.split,
        }
      : { train: train.split, val: val.split };
  const skipped = [trainPart, valPart].flatMap((part) => part?.skipped ?? []);
  const unused = heldOutNames.filter((part) => part !== heldOutName && parts[part] !== undefined);
  return {
    name,
    classNames,
    ...divided,
    typicalSize:
      typicalSize ?? typicalSizeOf(train.split.labels.length > 0 ? train : (val ?? train)),
    notes: [
      ...notes,
      ...unused.map((part) => `the part ${part} is not used: ${heldOutName} is held out`),
      ...alike(classNames).map((names) => `classes whose names hardly differ: ${listed(names)}`),
      ...(missing.length > 0 ? [`${heldOutName} has no image of ${listed(missing)}`] : []),
    ],
    ...(skipped.length > 0 && { skipped: skipped.reduce((sum, count) => sum + count) }),
    ...(badImages !== "refuse" && { unreadable: found.flatMap((part) => part.unreadable) }),
    ...(faults !== undefined && { faults }),
  };
}

const none = { paths: [], labels: new Int32Array(0), headers: [] };

/** The held-out part by the classes of training. */
function sameClasses(
  train: ListedPart,
  val: ListedPart | undefined,
  faults: Faults | undefined,
): {
  readonly classNames: readonly string[];
  readonly val: ListedPart | undefined;
  /** Of training, those that the held-out part lacks. */
  readonly missing: readonly string[];
} {
  if (val === undefined) return { classNames: train.classNames, val, missing: [] };
  const keys = keysOf(train);
  const indexOf = new Map(keys.map((key, index) => [key, index]));
  const valKeys = keysOf(val);
  const extra = valKeys.flatMap((key, i) => (indexOf.has(key) ? [] : [i]));
  const names = extra.map((i) => val.classNames[i]!);
  if (extra.length > 0) report(extraClasses(train, val, names, firstOf(val, extra[0]!)), faults);
  // Where they are only reported, they count as classes without a training image.
  const classNames = [...train.classNames, ...names];
  extra.forEach((i, at) => {
    indexOf.set(valKeys[i]!, keys.length + at);
  });
  const own = valKeys.map((key) => indexOf.get(key)!);
  const present = new Set(own);
  return {
    classNames,
    val: { ...val, classNames, images: relabelled(val.images, own) },
    missing: train.classNames.filter((_, index) => !present.has(index)),
  };
}

function noTraining(where: string, heldOut: string): UserError {
  return new UserError(
    where,
    `a part ${heldOut}, but none to train on`,
    "a part train beside it, or class folders alone",
    `name the images to train on train; to evaluate a model on ${heldOut}, type npx bit-eval`,
  );
}

function oneClass({ where, classNames, oneClassHint }: ListedPart): UserError {
  return new UserError(
    where,
    classNames.length === 0 ? "no class" : `one class only: ${classNames[0]}`,
    "at least two classes",
    oneClassHint ?? "add images of another class",
  );
}

function extraClasses(
  train: ListedPart,
  val: ListedPart,
  names: readonly string[],
  first: string | undefined,
): UserError {
  return new UserError(
    val.where,
    `has ${listed(names)}, which training lacks${first === undefined ? "" : `: ${first}`}`,
    `some of the ${train.classNames.length} classes of training, such as ${listed(train.classNames.slice(0, 2))}`,
    "correct the names, or add training images of these classes",
  );
}
