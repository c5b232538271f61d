/**
 * Datasets that are folders of image files: `train/<class>/*` with a held-out part beside it, or
 * class folders alone, of which a part is then held out. Only headers are read here.
 */

import { join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { KNOWN_DATASET_SIZES } from "../recipe/hyperrule.js";
import { type ClassFolders, listed, listFolder, readClassFolders } from "./class-folders.js";
import type { Dataset, Split } from "./dataset.js";
import { takeSplit } from "./few-shot.js";
import { hasUnsupportedExtension, type ImageHeader, readImageHeader } from "./image-header.js";
import { stratifiedSplit } from "./stratified-split.js";

/** Names under which a held-out part is looked for, in order of preference. */
export const HELD_OUT_FOLDERS = ["val", "validation", "valid", "test"] as const;

/** Files whose headers are read at a time. */
const CONCURRENT_READS = 32;

/** How a folder is read. */
export interface ImageFolderOptions {
  /** The dataset's name. */
  readonly name: string;
  /** For the split of a folder without a held-out part; a safe integer. */
  readonly seed: number;
  /**
   * Take every file for an upright JPEG or PNG of ImageNet's typical size, unread: ImageNet has 1.3
   * million of them, and the reference code ignores EXIF there.
   */
  readonly trustFiles?: boolean;
}

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
  options: ImageFolderOptions,
): Promise<ImageFolderDataset> {
  const { train: trainRoot, heldOut: valRoot } = await findParts(resolve(root));
  const train = await readClassFolders(trainRoot);
  const val = valRoot === undefined ? undefined : await readClassFolders(valRoot);
  if (valRoot !== undefined && val !== undefined)
    checkSameClasses(train.classNames, val.classNames, valRoot);

  const paths = val === undefined ? train.paths : [...train.paths, ...val.paths];
  const headers = options.trustFiles ? trustHeaders(paths) : await readHeaders(paths);
  const readable = checkReadable(paths, headers);
  const trainCount = train.paths.length;
  const trainFiles = splitOf(train, readable.slice(0, trainCount));

  let parts: { train: Split; val: Split };
  let trainHeaders = readable.slice(0, trainCount);
  if (val === undefined) {
    const indices = stratifiedSplit(train.labels, train.classNames.length, options.seed);
    if (indices.val.length === 0)
      throw new UserError(
        trainRoot,
        "one image in each class, of which none can be held out",
        `a second image in some class, or a folder ${HELD_OUT_FOLDERS[0]} beside a folder train`,
        "add images",
      );
    parts = {
      train: takeSplit(trainFiles, indices.train),
      val: takeSplit(trainFiles, indices.val),
    };
    trainHeaders = Array.from(indices.train, (index) => readable[index]!);
  } else {
    parts = { train: trainFiles, val: splitOf(val, readable.slice(trainCount)) };
  }
  return {
    name: options.name,
    classNames: train.classNames,
    ...parts,
    typicalSize: medianSize(trainHeaders),
    skipped: train.skipped + (val?.skipped ?? 0),
  };
}

/** A file that the engine can decode. */
export type ReadableHeader = Extract<ImageHeader, { kind: "readable" }>;

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

function checkSameClasses(train: readonly string[], val: readonly string[], valRoot: string): void {
  const inTrain = new Set(train);
  const inVal = new Set(val);
  const missing = train.filter((name) => !inVal.has(name));
  const extra = val.filter((name) => !inTrain.has(name));
  if (missing.length === 0 && extra.length === 0) return;
  const faults = [
    missing.length > 0 ? `lacks ${listed(missing)}` : undefined,
    extra.length > 0 ? `has ${listed(extra)}, which train lacks` : undefined,
  ];
  throw new UserError(
    valRoot,
    faults.filter((fault) => fault !== undefined).join("; "),
    `the ${train.length} classes of train`,
    "give both parts the same class folders",
  );
}

/** What each of many files is, in their order. */
export async function readHeaders(paths: readonly string[]): Promise<ImageHeader[]> {
  const headers: ImageHeader[] = [];
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < paths.length) {
      const i = next++;
      headers[i] = await readImageHeader(paths[i]!);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readOn));
  return headers;
}

function trustHeaders(paths: readonly string[]): ImageHeader[] {
  const [height, width] = KNOWN_DATASET_SIZES["imagenet2012"]!;
  const trusted: ImageHeader = {
    kind: "readable",
    decoder: "jpeg-or-png",
    height,
    width,
    orientation: 1,
  };
  return paths.map((path) =>
    hasUnsupportedExtension(path)
      ? { kind: "unsupported", format: path.slice(path.lastIndexOf(".") + 1) }
      : trusted,
  );
}

/** @throws UserError that lists the files that are damaged or of an unknown format */
export function checkReadable(
  paths: readonly string[],
  headers: readonly ImageHeader[],
): readonly ReadableHeader[] {
  const readable: ReadableHeader[] = [];
  const corrupt: string[] = [];
  const unsupported: string[] = [];
  headers.forEach((header, i) => {
    if (header.kind === "readable") readable.push(header);
    else if (header.kind === "corrupt") corrupt.push(`${paths[i]} (${header.reason})`);
    else unsupported.push(`${paths[i]} (${header.format})`);
  });
  if (corrupt.length > 0)
    throw new UserError(
      `${corrupt.length} of ${paths.length} image files`,
      `cannot be read: ${listed(corrupt)}`,
      "complete image files",
      "replace or remove them",
    );
  if (unsupported.length > 0)
    throw new UserError(
      `${unsupported.length} of ${paths.length} image files`,
      `in a format that cannot be decoded here: ${listed(unsupported)}`,
      "JPEG, PNG, BMP, GIF or WebP",
      "convert them to PNG or JPEG, for instance with ImageMagick: magick FILE FILE.png",
    );
  return readable;
}

function splitOf(folders: ClassFolders, headers: readonly ReadableHeader[]): Split {
  return {
    images: {
      kind: "files",
      paths: folders.paths,
      orientations: Uint8Array.from(headers, ({ orientation }) => orientation),
      decoders: headers.map(({ decoder }) => decoder),
    },
    labels: folders.labels,
  };
}

/** Median height and median width of upright images, in pixels. */
export function medianSize(headers: readonly ReadableHeader[]): [height: number, width: number] {
  const turned = ({ orientation }: ReadableHeader) => orientation >= 5;
  const median = (sizes: Float64Array) => {
    sizes.sort();
    const upper = sizes.length >> 1;
    const lower = (sizes.length - 1) >> 1;
    return Math.round((sizes[lower]! + sizes[upper]!) / 2);
  };
  return [
    median(Float64Array.from(headers, (h) => (turned(h) ? h.width : h.height))),
    median(Float64Array.from(headers, (h) => (turned(h) ? h.height : h.width))),
  ];
}
