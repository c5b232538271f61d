/** What is held out: a part of a dataset, or a fifth of one that is not divided. */
import { UserError } from "../../errors.js";
import type { Split } from "../dataset.js";
import { type Faults, report } from "../faults.js";
import { takeSplit } from "../few-shot.js";
import { stratifiedSplit } from "../stratified-split.js";
import type { PartName } from "./part-names.js";

/** Held-out parts, the preferred one first. */
export const heldOutNames = ["val", "test"] as const satisfies readonly PartName[];

/** Training images and held-out ones out of all. @throws UserError where nothing can be held out */
export function divide(
  all: Split,
  classes: number,
  seed: number,
  where: string,
  faults?: Faults,
): { readonly train: Split; readonly val: Split } {
  const indices = stratifiedSplit(all.labels, classes, seed);
  if (indices.val.length === 0) report(nothingHeldOut(where), faults);
  return { train: takeSplit(all, indices.train), val: takeSplit(all, indices.val) };
}

function nothingHeldOut(where: string): UserError {
  return new UserError(
    where,
    "one image in each class, of which none can be held out",
    "a second image in some class, or a held-out part of its own",
    "add images",
  );
}
