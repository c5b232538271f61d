/** The part of a dataset on which a model is evaluated, labelled by the model's classes. */
import { UserError } from "../../errors.js";
import type { Dataset, Split } from "../dataset.js";
import { listed } from "../listed.js";
import { alignClasses, unknownClasses } from "./class-alignment.js";
import type { DatasetOptions } from "./dataset-options.js";
import type { EvaluationUse } from "./evaluation.js";
import { divide, heldOutNames } from "./held-out.js";
import type { ListedDataset, ListedPart } from "./listed-dataset.js";
import { keysOf, relabelled, withPresentClasses } from "./part-labels.js";
import { partNames } from "./part-names.js";
import { checkClasses, typicalSizeOf, type Usable, usableParts } from "./usable-images.js";

type Chosen = keyof ListedDataset["parts"];

/**
 * One part of a dataset, as `val` of a dataset of the model's classes, whose `train` is empty. Of a
 * dataset that is not divided it is all, or, if the model was trained on it, what was held out then.
 * @throws UserError where the part is not there, has classes that the model does not know, or no image
 * that can be used
 */
export async function evaluatedDataset(
  dataset: ListedDataset,
  { name, seed, badImages = "refuse" }: DatasetOptions,
  use: EvaluationUse,
): Promise<Dataset> {
  const { parts, notes = [], faults, typicalSize } = dataset;
  const { part, divided } = choose(dataset, use);
  const whole = await parts[part]!();
  const [usable] = (await usableParts([whole], badImages)) as [Usable];
  const split = divided ? halfOf(usable, whole, seed, use.part) : usable.split;
  const { classNames, indexOf, matching, said } = await classesOf(dataset, whole, part, use);
  const val = relabelled(split, indexOf);
  if (badImages !== "report") checkClasses(classNames, undefined, val, whole.where);
  const others = heldOutNames.filter((other) => other !== part && parts[other] !== undefined);
  return {
    name,
    classNames,
    train: nothingOf(split),
    val,
    typicalSize: typicalSize ?? typicalSizeOf(usable),
    notes: [
      ...notes,
      ...(others.length > 0 && use.part === undefined
        ? [`the part ${others.join(", ")} is not used: --split chooses it`]
        : []),
      ...said,
    ],
    evaluated: {
      part: divided ? (use.part ?? "val") : part,
      classes: new Set(val.labels).size,
      matching,
    },
    ...(whole.skipped !== undefined && { skipped: whole.skipped }),
    ...(badImages !== "refuse" && { unreadable: usable.unreadable }),
    ...(faults !== undefined && { faults }),
  };
}

/** @returns the part, and whether only a half of it is meant, as training divided it */
function choose(
  { where, parts }: ListedDataset,
  { part: asked, trainedOn }: EvaluationUse,
): { readonly part: Chosen; readonly divided: boolean } {
  const there = partNames.filter((part) => parts[part] !== undefined);
  const heldOut = heldOutNames.find((part) => parts[part] !== undefined);
  // What training divides: a dataset without parts, or whose only part is train.
  const single =
    heldOut === undefined ? (parts.whole === undefined ? "train" : "whole") : undefined;
  if (single !== undefined && trainedOn && asked !== "test") return { part: single, divided: true };
  if (asked === undefined) return { part: heldOut ?? single!, divided: false };
  if (parts[asked] !== undefined) return { part: asked, divided: false };
  throw new UserError(
    `--split ${asked}`,
    there.length === 0 ? `${where} is not divided into parts` : `${where} has no such part`,
    there.length === 0 ? "a dataset with parts" : there.join(" or "),
    there.length === 0
      ? "leave out --split: all of it is evaluated"
      : `type --split ${there.at(-1)}`,
  );
}

function halfOf({ split }: Usable, part: ListedPart, seed: number, asked = "val"): Split {
  const { train, val } = divide(split, part.classNames.length, seed, part.where);
  return asked === "train" ? train : val;
}

/** The classes of the model, or of the dataset where nobody says what the model's are. */
async function classesOf(
  { parts, knownClasses }: ListedDataset,
  whole: ListedPart,
  chosen: Chosen,
  { classNames: known, classes, match = "name" }: EvaluationUse,
) {
  const { where } = whole;
  const part = withPresentClasses(whole);
  const place = indexByKey(part);
  // Of a class without an image no index is asked.
  const ofAll = (indexOf: ArrayLike<number>) =>
    keysOf(whole).map((key) => indexOf[place.get(key) ?? -1] ?? -1);
  const training = async () =>
    chosen === "train" || parts.train === undefined ? undefined : parts.train();
  if (known !== undefined && match === "name") {
    const own = alignClasses(part.classNames, known);
    // The names of a part may be less certain than those of training: shards name what occurs in them.
    const aligned = "strangers" in own ? (alignBy(part, await training(), known) ?? own) : own;
    if ("strangers" in aligned)
      throw unknownClasses(where, aligned.strangers, known, part.oneClassHint);
    const { indexOf, respelled } = aligned;
    const pairs = respelled.map(([name, of]) => `${name} as ${of}`);
    const said = pairs.length > 0 ? [`classes taken for the same: ${listed(pairs)}`] : [];
    return { classNames: known, indexOf: ofAll(indexOf), matching: "name", said } as const;
  }
  // In the order of all that there are, also where the part has no image of some.
  const all =
    (await training()) ??
    (knownClasses === undefined
      ? whole
      : { ...part, classNames: knownClasses, classKeys: undefined });
  const names = all.classNames;
  const placeInAll = indexByKey(all);
  const indexOf = keysOf(part).map((key) => placeInAll.get(key) ?? -1);
  if (names.length !== classes || indexOf.includes(-1))
    throw new UserError(
      where,
      `${names.length} classes`,
      `${classes}, as the model has outputs`,
      "choose the dataset that it was trained on with --dataset, or another archive",
    );
  const said =
    known === undefined
      ? ["nobody says what the model's outputs mean: taken in the order of the dataset's classes"]
      : [];
  return {
    classNames: known ?? names,
    indexOf: ofAll(indexOf),
    matching: "order",
    said,
  } as const;
}

function indexByKey(part: ListedPart): ReadonlyMap<string, number> {
  return new Map(keysOf(part).map((key, index) => [key, index]));
}

/** Finds a part's classes by the names that training has for them. */
function alignBy(part: ListedPart, training: ListedPart | undefined, known: readonly string[]) {
  if (training === undefined) return undefined;
  const place = indexByKey(training);
  const names = keysOf(part).map(
    (key, i) => training.classNames[place.get(key) ?? -1] ?? part.classNames[i]!,
  );
  return alignClasses(names, known);
}

function nothingOf({ images }: Split): Split {
  const labels = new Int32Array(0);
  if (images.kind === "pixels") return { images: { ...images, pixels: new Uint8Array(0) }, labels };
  return {
    images: { kind: "files", paths: [], orientations: new Uint8Array(0), decoders: [] },
    labels,
  };
}
