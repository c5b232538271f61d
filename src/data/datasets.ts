/** Which datasets there are, by the name that a user gives. */

import { join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { Dataset } from "./dataset.js";
import { DATASET_NAMES, PATH_KINDS } from "./dataset-names.js";
import { selectExamplesPerClass, takeSplit } from "./few-shot.js";
import { loadPath } from "./files/dataset-at-path.js";
import { loadImageFolder } from "./files/image-folder.js";
import type { BadImages } from "./files/readable-images.js";
import {
  type FindUndecodable,
  refuseUndecodable,
  withoutUndecodable,
} from "./files/undecodable-images.js";
import type { DatasetOptions } from "./parts/dataset-options.js";
import type { EvaluationUse } from "./parts/evaluation.js";
import { loadCifar } from "./published/cifar.js";
import { fetchMissingCifar } from "./published/cifar-download.js";
import { loadDtd } from "./published/dtd.js";
import { loadImageNet } from "./published/imagenet.js";
import { loadOxfordFlowers } from "./published/oxford-flowers.js";
import { loadOxfordPets } from "./published/oxford-pets.js";
import type { DataFetch } from "./published/published-file.js";
import { loadEuroSat, loadResisc45 } from "./published/satellite-images.js";
import { loadSvhn } from "./published/svhn.js";
import { whyNotRead } from "./published/vtab-tasks.js";

/** What is to be loaded, and how what is missing of it is come by. */
export interface DatasetRequest extends DataFetch {
  /** One of `DATASET_NAMES`, or a path (`loadPath`). */
  readonly dataset: string;
  /** Where the data lies or is brought, by default here. "sample" and a path do without. */
  readonly datadir?: string | undefined;
  /** Train on so many examples of each class; undefined: on all. */
  readonly examplesPerClass?: number | undefined;
  /** By which they are drawn; 0 where it is not given, as in the official code. */
  readonly examplesPerClassSeed?: number | undefined;
  /** The run's seed, by which a folder without a held-out part is divided. */
  readonly seed: number;
  /** What becomes of images that cannot be used; by default they are refused. */
  readonly badImages?: BadImages | undefined;
  /**
   * Finds images that only decoding tells to be damaged (`decodeAll`). Where these are refused, it is
   * asked only about files that do not end as they should.
   */
  readonly findUndecodable?: FindUndecodable | undefined;
  /** A part is evaluated, and nothing trained on; default both parts are used. */
  readonly evaluation?: EvaluationUse | undefined;
}

/**
 * Loads a dataset, which is fetched where it is missing and its publisher offers it.
 * @throws UserError if the name is unknown, or the data unfit, or missing and not to be had
 */
export async function loadDataset(request: DatasetRequest): Promise<Dataset> {
  const { findUndecodable, badImages = "refuse" } = request;
  const heldOutOnly = request.evaluation !== undefined;
  const whole = await loadWhole(request);
  if (findUndecodable === undefined) return fewOf(whole, request);
  if (badImages !== "refuse")
    return fewOf(await withoutUndecodable(whole, findUndecodable, badImages, heldOutOnly), request);
  const dataset = fewOf(whole, request);
  const used = heldOutOnly ? [dataset.val] : [dataset.train, dataset.val];
  await refuseUndecodable(used, findUndecodable);
  return dataset;
}

/** A dataset cut down to as many training examples as are wanted. */
function fewOf(
  dataset: Dataset,
  { examplesPerClass, examplesPerClassSeed = 0, evaluation }: DatasetRequest,
): Dataset {
  if (examplesPerClass === undefined || evaluation !== undefined) return dataset;
  const { train, classNames } = dataset;
  const indices = selectExamplesPerClass(
    train.labels,
    classNames,
    examplesPerClass,
    examplesPerClassSeed,
  );
  return { ...dataset, train: takeSplit(train, indices), selected: indices };
}

async function loadWhole(request: DatasetRequest): Promise<Dataset> {
  const { dataset, datadir = ".", seed } = request;
  const { badImages, evaluation } = request;
  const options: DatasetOptions = { name: dataset, seed, badImages, evaluation };
  switch (dataset) {
    case "cifar10":
    case "cifar100":
      await fetchMissingCifar(dataset, datadir, request);
      return loadCifar(dataset, datadir, options);
    case "imagenet2012":
      return loadImageNet(datadir, options);
    case "oxford_iiit_pet":
      return loadOxfordPets(datadir, options, request);
    case "oxford_flowers102":
      return loadOxfordFlowers(datadir, options, request);
    case "svhn":
      return loadSvhn(datadir, options, request);
    case "dtd":
      return loadDtd(datadir, options, request);
    case "eurosat":
      return loadEuroSat(datadir, options, request);
    case "resisc45":
      return loadResisc45(datadir, options);
    case "folder": {
      const loaded = await loadPath(datadir, options);
      if (loaded !== undefined) return loaded;
      throw new UserError(
        resolve(datadir),
        "no such folder",
        `${PATH_KINDS}; of images with train/<class>/* and val/<class>/*, or class folders alone`,
        "name it with --datadir",
      );
    }
    case "sample":
      return loadImageFolder(sampleFolder(), options);
    default: {
      const loaded = await loadPath(dataset, options);
      if (loaded !== undefined) return loaded;
      const reason = whyNotRead(dataset);
      if (reason !== undefined)
        throw new UserError(
          `--dataset ${dataset}`,
          `this task of VTAB needs the preparation by TensorFlow Datasets: ${reason}`,
          DATASET_NAMES.join(", "),
          "prepare it with TensorFlow Datasets, write its images into class folders, " +
            "train/<class>/* and val/<class>/*, and type --dataset folder --datadir PATH",
        );
      throw new UserError(
        `--dataset ${dataset}`,
        "neither a known dataset nor a folder, a table or a pattern of files",
        `${DATASET_NAMES.join(", ")}, or the path of ${PATH_KINDS}`,
        "correct the name, or type --dataset folder --datadir PATH",
      );
    }
  }
}

/** The folder of the images that come with the package. */
export function sampleFolder(): string {
  return join(packageRoot, "sample", "images");
}
