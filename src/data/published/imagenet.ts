/**
 * ILSVRC-2012 as it lies on most disks: `train/<wnid>/*.JPEG`, and `val` either the same way or flat,
 * as it is published. Files are taken as they are named and not read: there are 1.3 million, and the
 * official code ignores EXIF there.
 */
import { join, resolve } from "node:path";
import { exists } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { KNOWN_DATASET_SIZES } from "../../recipe/hyperrule.js";
import type { Dataset, Split } from "../dataset.js";
import { faultsFor } from "../faults.js";
import { type ClassFolders, checkNotEmpty, listFolder } from "../files/class-folders.js";
import { hasImageExtension, hasUnsupportedExtension } from "../files/image-header.js";
import { readKeptClassFolders } from "../files/listing-cache.js";
import { listed } from "../listed.js";
import { classKey } from "../parts/class-alignment.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { readValidationLabels } from "./imagenet-labels.js";
import { imageNetNames } from "./model-class-names.js";

/**
 * Loads the dataset. Labels go by the order of the training folders' names, as in the official code; in
 * an evaluation by the model's classes, and no `train` is needed then.
 * @param datadir the folder that holds `train`, `val` and, for a flat `val`, what labels it
 * @throws UserError where a part is missing, empty or not labelled, or the parts' classes differ
 */
export async function loadImageNet(
  datadir: string,
  options: Omit<DatasetOptions, "name"> = { seed: 0 },
): Promise<Dataset> {
  const root = resolve(datadir);
  const trainRoot = join(root, "train");
  const valRoot = join(root, "val");
  const evaluated = options.evaluation !== undefined && !(await exists(trainRoot));
  await checkParts(root, evaluated ? [valRoot] : [trainRoot, valRoot]);
  const faults = faultsFor(options.badImages);
  const train = async () => {
    const folders = await readKeptClassFolders(trainRoot);
    if (options.evaluation === undefined) checkNotEmpty(trainRoot, folders, faults);
    return { where: trainRoot, ...listedPart(folders) };
  };
  const val = async () => ({ where: valRoot, ...listedPart(await readVal(root)) });
  return datasetOf(
    {
      where: root,
      parts: evaluated ? { val } : { train, val },
      knownClasses: (await imageNetNames("imagenet-1k")).map(classKey),
      typicalSize: KNOWN_DATASET_SIZES["imagenet2012"],
      faults,
    },
    { ...options, name: "imagenet2012" },
  );
}

function listedPart(folders: ClassFolders) {
  const { classNames, skipped } = folders;
  return { classNames, images: trusted(folders), skipped };
}

async function checkParts(root: string, parts: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const part of parts) if (!(await exists(part))) missing.push(part);
  if (missing.length === 0) return;
  throw new UserError(
    root,
    `no imagenet2012 there: ${missing.join(" and ")} not found`,
    "train/<class>/*.JPEG, and val/<class>/*.JPEG or val/*.JPEG with the development kit",
    "get ILSVRC2012 at https://image-net.org/download.php and unpack it (it cannot be fetched " +
      "without an account), or name its folder with --datadir",
  );
}

/** The held-out images, in class folders or flat; labels go by their own `classNames`. */
async function readVal(root: string): Promise<ClassFolders> {
  const valRoot = join(root, "val");
  const { folders } = await listFolder(valRoot);
  return folders.length === 0 ? readFlat(root) : readKeptClassFolders(valRoot);
}

/**
 * The images of a `val` without class folders, in the order of their numbers.
 * @throws UserError unless there is one image for each label
 */
async function readFlat(root: string): Promise<ClassFolders> {
  const valRoot = join(root, "val");
  const { wnids, where } = await readValidationLabels(root);
  const { files, skipped } = await listFolder(valRoot);
  const images = files.filter(hasImageExtension);
  if (images.length !== wnids.length)
    throw new UserError(
      valRoot,
      `${images.length} images`,
      `${wnids.length}, as many as ${where} has labels`,
      "unpack ILSVRC2012_img_val.tar there again",
    );
  // Sorted by name they are in the order of their numbers, which have as many digits each.
  const wrong = images.find((name, i) => Number(/(\d+)\.\w+$/.exec(name)?.[1]) !== i + 1);
  if (wrong !== undefined)
    throw new UserError(
      join(valRoot, wrong),
      "not the number that is due there",
      `ILSVRC2012_val_00000001.JPEG and so on, without a gap, to ${images.length}`,
      "unpack ILSVRC2012_img_val.tar there again",
    );
  const classNames = [...new Set(wnids)];
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  return {
    classNames,
    paths: images.map((name) => `${valRoot}/${name}`),
    labels: Int32Array.from(wnids, (wnid) => labelOf.get(wnid)!),
    skipped: skipped + files.length - images.length,
    empty: [],
  };
}

function trusted({ paths, labels }: ClassFolders): Split {
  const unsupported = paths.filter(hasUnsupportedExtension);
  if (unsupported.length > 0)
    throw new UserError(
      `${unsupported.length} of ${paths.length} image files`,
      `in a format that cannot be decoded here: ${listed(unsupported)}`,
      "JPEG or PNG",
      "convert or remove them",
    );
  return {
    images: {
      kind: "files",
      paths,
      orientations: new Uint8Array(paths.length).fill(1),
      decoders: new Array<"jpeg-or-png">(paths.length).fill("jpeg-or-png"),
    },
    labels,
  };
}
