/** Which datasets there are, by the name that a user gives. */

import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";
import { loadCifar } from "./cifar.js";
import type { Dataset } from "./dataset.js";
import { selectExamplesPerClass, takeSplit } from "./few-shot.js";
import { loadImageFolder } from "./image-folder.js";

/** Datasets known by name; any other name is the path of an image folder. */
export const DATASET_NAMES = ["cifar10", "cifar100", "imagenet2012", "folder", "sample"] as const;

/** What is to be loaded. */
export interface DatasetRequest {
  /** One of `DATASET_NAMES`, or the path of a folder. */
  readonly dataset: string;
  /** Where the data lies, by default here. "sample" and a path do without. */
  readonly datadir?: string | undefined;
  /** Train on so many examples of each class; undefined: on all. */
  readonly examplesPerClass?: number | undefined;
  /** By which they are drawn; 0 where it is not given, as in the official code. */
  readonly examplesPerClassSeed?: number | undefined;
  /** The run's seed, by which a folder without a held-out part is divided. */
  readonly seed: number;
}

/**
 * Loads a dataset.
 * @throws UserError if the name is unknown, or the data missing or unfit
 */
export async function loadDataset(request: DatasetRequest): Promise<Dataset> {
  const dataset = await loadWhole(request);
  const { examplesPerClass, examplesPerClassSeed = 0 } = request;
  if (examplesPerClass === undefined) return dataset;
  const { train, classNames } = dataset;
  const indices = selectExamplesPerClass(
    train.labels,
    classNames,
    examplesPerClass,
    examplesPerClassSeed,
  );
  return { ...dataset, train: takeSplit(train, indices) };
}

async function loadWhole({ dataset, datadir = ".", seed }: DatasetRequest): Promise<Dataset> {
  switch (dataset) {
    case "cifar10":
    case "cifar100":
      return loadCifar(dataset, datadir);
    case "imagenet2012": {
      const root = datadir;
      await checkImageNet(root);
      return loadImageFolder(root, { name: dataset, seed, trustFiles: true });
    }
    case "folder": {
      const root = resolve(datadir);
      if (!(await isFolder(root)))
        throw new UserError(
          root,
          "no such folder",
          "a folder with train/<class>/* and val/<class>/*, or with class folders alone",
          "name it with --datadir",
        );
      return loadImageFolder(root, { name: basename(root), seed });
    }
    case "sample":
      return loadImageFolder(sampleFolder(), { name: dataset, seed });
    default: {
      const root = resolve(dataset);
      if (await isFolder(root)) return loadImageFolder(root, { name: basename(root), seed });
      throw new UserError(
        `--dataset ${dataset}`,
        "neither a known dataset nor a folder",
        `${DATASET_NAMES.join(", ")}, or the path of a folder of images`,
        "correct the name, or type --dataset folder --datadir PATH",
      );
    }
  }
}

/** The folder of the images that come with the package. */
export function sampleFolder(): string {
  // The compiled file lies deeper than its source, and either may be run.
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, "sample", "images");
}

async function checkImageNet(root: string): Promise<void> {
  const parts = [join(root, "train"), join(root, "val")];
  const found = await Promise.all(parts.map(isFolder));
  const missing = parts.filter((_, i) => !found[i]);
  if (missing.length > 0)
    throw new UserError(
      resolve(root),
      `no imagenet2012 there: ${missing.join(" and ")} not found`,
      "train/<class>/*.JPEG and val/<class>/*.JPEG",
      "get ILSVRC2012 at https://image-net.org/download.php, unpack it into class folders " +
        "(the validation images too), or name its folder with --datadir",
    );
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
