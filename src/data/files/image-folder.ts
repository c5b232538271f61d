/**
 * Datasets that are folders of image files: `train/<class>/*` with a held-out part beside it, or
 * class folders alone, of which a part is then held out. Only headers are read here.
 */

import { join, resolve } from "node:path";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { faultsFor } from "../faults.js";
import { listFolder, readClassFolders } from "./class-folders.js";
import { type DatasetOptions, datasetOf } from "./labelled-images.js";
import { withSameClasses } from "./same-classes.js";

/** Names under which a held-out part is looked for, in order of preference. */
export const HELD_OUT_FOLDERS = ["val", "validation", "valid", "test"] as const;

/** A dataset and how many entries of its folders were passed over. */
export type ImageFolderDataset = Dataset & { readonly skipped: number };

/**
 * Reads a folder of images. Without a `train` folder its subfolders are the classes; without a
 * held-out part, a fifth of each class is held out (`stratifiedSplit`).
 * @param root the folder
 * @throws UserError if classes are empty or differ between the parts, or files cannot be decoded
 */
export async function loadImageFolder(
  root: string,
  options: DatasetOptions,
): Promise<ImageFolderDataset> {
  const { train: trainRoot, heldOut: valRoot } = await findParts(resolve(root));
  const faults = faultsFor(options.badImages);
  const listed = await readClassFolders(trainRoot, faults);
  const { train, val } =
    valRoot === undefined
      ? { train: listed, val: undefined }
      : withSameClasses(listed, await readClassFolders(valRoot, faults), valRoot, faults);
  const parts = { classNames: train.classNames, train, val, where: trainRoot };
  const dataset = await datasetOf(parts, options);
  const skipped = train.skipped + (val?.skipped ?? 0);
  return { ...dataset, skipped, ...(faults !== undefined && { faults }) };
}

/** Where the training images are, and the held-out ones if they have a folder of their own. */
async function findParts(root: string): Promise<{ train: string; heldOut: string | undefined }> {
  const { folders } = await listFolder(root);
  const heldOut = HELD_OUT_FOLDERS.find((name) => folders.includes(name));
  const path = heldOut === undefined ? undefined : join(root, heldOut);
  if (folders.includes("train")) return { train: join(root, "train"), heldOut: path };
  // Without this, a class "val" would be trained on, along with what is in it.
  if (heldOut !== undefined)
    throw new UserError(
      root,
      `a folder ${heldOut}, but none named train`,
      `train and ${heldOut}, each with one folder for each class, or class folders alone`,
      "move the training classes into a folder train",
    );
  return { train: root, heldOut: undefined };
}
