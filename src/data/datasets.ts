/** Loads what `--dataset` names, and cuts it down to what is wanted of it. */

import { join, resolve } from "node:path";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import type { Dataset } from "./dataset.js";
import { selectExamplesPerClass, takeSplit } from "./few-shot.js";
import { loadPath } from "./files/dataset-at-path.js";
import { correctPath } from "./files/near-path.js";
import type { BadImages } from "./files/readable-images.js";
import {
  type FindUndecodable,
  refuseUndecodable,
  withoutUndecodable,
} from "./files/undecodable-images.js";
import { DATASET_NAMES, isDatasetName, KNOWN_DATASETS, PATH_KINDS } from "./known-datasets.js";
import type { DatasetOptions } from "./parts/dataset-options.js";
import type { EvaluationUse } from "./parts/evaluation.js";
import type { DataFetch } from "./published/published-file.js";
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
  return usedOf(await loadWhole(request), request);
}

/**
 * What is wanted of a dataset: without images that only decoding tells to be damaged, and cut down to few examples.
 * @throws UserError where such images are to be refused, or a class has too few
 */
export async function usedOf(whole: Dataset, request: DatasetRequest): Promise<Dataset> {
  const { findUndecodable, badImages = "refuse" } = request;
  const heldOutOnly = request.evaluation !== undefined;
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

/**
 * A dataset as its files have it, which are fetched where they are missing.
 * @throws UserError as `loadDataset`
 */
export async function loadWhole(request: DatasetRequest): Promise<Dataset> {
  const { dataset, datadir = ".", seed, badImages, evaluation } = request;
  const options: DatasetOptions = { name: dataset, seed, badImages, evaluation };
  if (isDatasetName(dataset)) return KNOWN_DATASETS[dataset](datadir, options, request);
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
  const inDatadir = join(datadir, dataset);
  throw new UserError(
    `--dataset ${dataset}`,
    "neither a known dataset nor a folder, a table or a pattern of files: there is nothing at " +
      resolve(dataset),
    `${DATASET_NAMES.join(", ")}, or the path of ${PATH_KINDS}`,
    (await exists(inDatadir))
      ? `a path is not looked for in --datadir: type --dataset ${inDatadir}`
      : await correctPath(dataset, DATASET_NAMES),
  );
}
