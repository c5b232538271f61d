/**
 * The published models: names, addresses, and what their archives hold.
 * Source: the README of google-research/big_transfer.
 */
import { UserError } from "../errors.js";
import { publishedVariants } from "../model/architecture.js";
import { closeNames } from "./close-names.js";

/** One published archive. */
export interface ZooModel {
  /** As in `BiT-M-R50x1`; its part `R<depth>x<width>` tells the architecture. */
  readonly name: string;
  /** Its address below the zoo's. */
  readonly path: string;
  /** Outputs of its head. */
  readonly classes: number;
  /** What it was trained on. */
  readonly trainedOn: string;
}

/** Where the official archives lie. */
export const ZOO_URL = "https://storage.googleapis.com/bit_models";

const ilsvrcClasses = 1000;
const imagenet21kClasses = 21_843;

function published(name: string, classes: number, trainedOn: string): ZooModel {
  return { name, path: `${name}.npz`, classes, trainedOn };
}

/** Every model that can be fetched by its name. */
export const ZOO: readonly ZooModel[] = [
  ...publishedVariants.map((variant) =>
    published(`BiT-S-${variant}`, ilsvrcClasses, "ILSVRC-2012"),
  ),
  ...publishedVariants.map((variant) =>
    published(`BiT-M-${variant}`, imagenet21kClasses, "ImageNet-21k"),
  ),
  ...publishedVariants.map((variant) =>
    published(
      `BiT-M-${variant}-ILSVRC2012`,
      ilsvrcClasses,
      "ImageNet-21k, fine-tuned on ILSVRC-2012",
    ),
  ),
];

/**
 * The model of a name, which may end in `.npz`.
 * @throws UserError that suggests similar names
 */
export function findZooModel(name: string): ZooModel {
  const bare = name.replace(/\.npz$/, "");
  const found = ZOO.find((model) => model.name === bare);
  if (found !== undefined) return found;
  const names = ZOO.map((model) => model.name);
  const close = closeNames(bare, names);
  throw new UserError(
    name,
    "no published model has this name",
    close.length > 0 ? `perhaps ${close.join(" or ")}` : `a name such as ${names[0]}`,
    "type npx bit-download --list for all names",
  );
}
