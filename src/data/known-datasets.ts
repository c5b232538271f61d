/**
 * The datasets that a user may name, one row each, and the kinds of path that may stand for one. What a row
 * loads is imported once it is asked for: flags and messages need the names alone.
 */
import { join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { Dataset } from "./dataset.js";
import type { DatasetOptions } from "./parts/dataset-options.js";
import type { CifarName } from "./published/cifar.js";
import type { DataFetch } from "./published/published-file.js";

/**
 * Loads a dataset, which is fetched where it is missing and its publisher offers it.
 * @param datadir where it lies, or is brought
 * @throws UserError where the data are unfit, or missing and not to be had
 */
type LoadKnownDataset = (
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
) => Promise<Dataset>;

const cifar =
  (name: CifarName): LoadKnownDataset =>
  async (datadir, options, request) => {
    const { fetchMissingCifar } = await import("./published/cifar-download.js");
    await fetchMissingCifar(name, datadir, request);
    return (await import("./published/cifar.js")).loadCifar(name, datadir, options);
  };

/** The datasets, in the order in which messages name them. */
export const KNOWN_DATASETS = {
  cifar10: cifar("cifar10"),
  cifar100: cifar("cifar100"),
  imagenet2012: async (datadir, options) =>
    (await import("./published/imagenet.js")).loadImageNet(datadir, options),
  oxford_iiit_pet: async (...args) =>
    (await import("./published/oxford-pets.js")).loadOxfordPets(...args),
  oxford_flowers102: async (...args) =>
    (await import("./published/oxford-flowers.js")).loadOxfordFlowers(...args),
  svhn: async (...args) => (await import("./published/svhn.js")).loadSvhn(...args),
  dtd: async (...args) => (await import("./published/dtd.js")).loadDtd(...args),
  eurosat: async (...args) =>
    (await import("./published/satellite-images.js")).loadEuroSat(...args),
  resisc45: async (datadir, options) =>
    (await import("./published/satellite-images.js")).loadResisc45(datadir, options),
  imagenette: async (...args) =>
    (await import("./published/imagenette.js")).loadImagenette(...args),
  folder: loadFolder,
  sample: async (_, options) =>
    (await import("./files/image-folder.js")).loadImageFolder(sampleFolder(), options),
} as const satisfies Readonly<Record<string, LoadKnownDataset>>;

export type DatasetName = keyof typeof KNOWN_DATASETS;

/** Datasets known by name; any other name is a path (`loadPath`). */
export const DATASET_NAMES: readonly string[] = Object.keys(KNOWN_DATASETS);

export function isDatasetName(name: string): name is DatasetName {
  return Object.hasOwn(KNOWN_DATASETS, name);
}

/** What a path may be, for messages. */
export const PATH_KINDS =
  "a folder of images, a table (.csv, .tsv, .jsonl) of paths and labels, or a folder or pattern of shards " +
  "(TFRecord, Parquet, webdataset)";

/** The folder of the images that come with the package. */
export function sampleFolder(): string {
  return join(packageRoot, "sample", "images");
}

async function loadFolder(datadir: string, options: DatasetOptions): Promise<Dataset> {
  const { loadPath } = await import("./files/dataset-at-path.js");
  const loaded = await loadPath(datadir, options);
  if (loaded !== undefined) return loaded;
  const { correctPath } = await import("./files/near-path.js");
  throw new UserError(
    resolve(datadir),
    "no such folder",
    `${PATH_KINDS}; of images with train/<class>/* and val/<class>/*, or class folders alone`,
    `--datadir: ${await correctPath(datadir)}`,
  );
}
