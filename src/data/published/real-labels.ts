/**
 * ImageNet-ReaL: all classes that people see on each image of ILSVRC-2012's validation set.
 * Source: Beyer et al., "Are we done with ImageNet?", arXiv 2006.07159; `real.json` of
 * google-research/reassessed-imagenet: a list for each image in the order of its number, of classes in the
 * order of their WordNet ids; an empty one where nobody could say.
 */
import { basename } from "node:path";
import { z } from "zod";
import { readError, readWhole } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { imageName, type Split } from "../dataset.js";
import { classKey } from "../parts/class-alignment.js";
import { imageNetNames } from "./model-class-names.js";

const images = 50_000;
const classes = 1000;
const schema = z
  .array(
    z.array(
      z
        .int()
        .min(0)
        .max(classes - 1),
    ),
  )
  .length(images);

// The published file has 1 MB.
const mostBytes = 2 ** 26;

const next = "get real.json at https://github.com/google-research/reassessed-imagenet";

/**
 * Reads `real.json`.
 * @returns `[50000]`, the classes of each image, image 1 first
 * @throws UserError where it cannot be read, or is something else
 */
export async function readRealLabels(path: string): Promise<readonly (readonly number[])[]> {
  const expected = `a list of ${images} lists of classes from 0 to ${classes - 1}, in JSON`;
  const bytes = await readWhole(path, mostBytes).catch((error: unknown) => {
    throw readError(path, error, next);
  });
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new UserError(path, "no JSON", expected, next, { cause });
  }
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const at = issue?.path.length ? ` (at ${issue.path.join(", ")})` : "";
  throw new UserError(path, `${issue?.message ?? "something else"}${at}`, expected, next);
}

/**
 * The real labels of a part's images, by their numbers in `ILSVRC2012_val_00000001.JPEG`, as outputs of a
 * model. A class that the model does not know is none of its outputs: it cannot be right there.
 * @param labels of `readRealLabels`
 * @param classNames what the model's outputs mean
 * @returns for each image, and how many classes of ImageNet the model does not know
 * @throws UserError where an image is none of the validation set, or the model knows none of its classes
 */
export async function realLabelsOf(
  part: Split,
  labels: readonly (readonly number[])[],
  classNames: readonly string[],
): Promise<{ readonly realLabels: readonly (readonly number[])[]; readonly unknown: number }> {
  const outputs = new Map(classNames.map((name, index) => [classKey(name), index]));
  const known = (await imageNetNames("imagenet-1k")).map((name) => outputs.get(classKey(name)));
  const unknown = known.filter((output) => output === undefined).length;
  if (unknown === classes)
    throw new UserError(
      "--real_labels",
      `the model's classes are no WordNet ids of ImageNet: ${classNames.slice(0, 2).join(", ")}`,
      "a model of ImageNet's classes, such as n01440764",
      "leave --real_labels out, or evaluate another model",
    );
  const realLabels = Array.from(part.labels, (_, index) => {
    const all = labels[numberOf(imageName(part.images, index)) - 1]!;
    // An image whose only classes are unknown to the model has labels all the same: -1 is no output.
    return all.map((label) => known[label] ?? -1);
  });
  return { realLabels, unknown };
}

function numberOf(name: string): number {
  const [, digits] = /ILSVRC2012_val_(\d{8})\b/.exec(basename(name)) ?? [];
  const number = Number(digits);
  if (number >= 1 && number <= images) return number;
  throw new UserError(
    "--real_labels",
    `${name} is no image of ILSVRC-2012's validation set`,
    `names such as ILSVRC2012_val_00000001.JPEG, of numbers up to ${images}`,
    "evaluate it on val of imagenet2012, or leave --real_labels out",
  );
}
