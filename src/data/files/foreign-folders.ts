/**
 * Folders that hold images of other tasks, or in other tools' order, whose names would pass for classes: images
 * and their masks, images and their boxes, img2dataset's shards, images without a label.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { listed } from "../listed.js";
import { partFolders } from "../parts/part-names.js";
import { listFolder } from "./class-folders.js";
import { hasImageExtension } from "./image-header.js";
import {
  areMasksOf,
  IMAGE_FOLDER,
  isMaskFolder,
  keyOf,
  LABEL_FOLDER,
  MASK_FOLDER,
} from "./mask-names.js";

interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** What is in a folder and all folders below it. */
interface Contents {
  readonly name: string;
  /** Relative to the folder. */
  readonly images: readonly string[];
  readonly others: readonly string[];
}

/** Folders of images that nobody labelled: Datumaro's and CVAT's, FiftyOne's. */
const UNLABELLED = /^(no[ _-]?label|_unlabeled)$/i;
/** With one of these beside it, as `with_label`, a folder `no_label` is of things without a label on them. */
const LABEL_CLASS = /label/i;
/** Darknet's folder of a part, as CVAT writes it. */
const DARKNET_FOLDER = /^obj_\w+_data$/;
/** A class and a box, or a polygon: 0 0.5 0.5 0.2 0.2 */
const YOLO_LINE = /^\d+(\s+(\d+(\.\d*)?|\.\d+)(e-?\d+)?){4,}\s*$/;

/** img2dataset's, which it numbers. */
const SHARD_FOLDER = /^\d{4,}$/;

/** Folders in a folder, beyond which they are classes. */
const MOST_FOLDERS = 20;
const MOST_DEPTH = 3;
const MOST_TEXTS = 100;
const PROBE_BYTES = 512;

const EXPECTED =
  "a folder of images for each class, or a table of paths and labels (.csv, .tsv, .jsonl)";
const ONE_CLASS =
  "choose one class for each image: sort the images into class folders, or write a table of path,label";

/**
 * Refuses a folder, and those of the parts in it, whose folders are no classes though images lie in them.
 * @throws UserError that says what it is, and what to type
 */
export async function refuseForeignFolders(root: string, entries: Entries): Promise<void> {
  await refuseForeign(root, entries);
  if (entries.folders.length > MOST_FOLDERS) return;
  for (const name of partFolders(entries.folders).keys()) {
    const part = join(root, name);
    await refuseForeign(part, await listFolder(part));
  }
}

async function refuseForeign(root: string, entries: Entries): Promise<void> {
  const { files, folders } = entries;
  refuseImg2dataset(root, entries);
  const [nobodys] = folders.filter((name) => UNLABELLED.test(name));
  const areOfLabels = folders.some((name) => LABEL_CLASS.test(name) && !UNLABELLED.test(name));
  if (nobodys !== undefined && !areOfLabels) throw unlabelled(join(root, nobodys));
  if (
    folders.includes("JPEGImages") &&
    // With Annotations alone beside them, these are what is to be named.
    folders.some((name) => /^(ImageSets|Segmentation)/.test(name))
  )
    throw pascalVoc(root);
  const own = { name: ".", images: files.filter(hasImageExtension), others: files };
  const boxes = await boxesBeside(root, own);
  if (boxes !== undefined) throw yolo(root, boxes);
  if (folders.length > MOST_FOLDERS) return;
  const hasLabels = folders.some((name) => MASK_FOLDER.test(name) || LABEL_FOLDER.test(name));
  const looked = folders.filter((name) => hasLabels || isFlatName(name));
  const all = await Promise.all(
    // What lies deeper in a part are its classes.
    looked.map((name) => contentsOf(root, name, isFlatName(name) ? 0 : MOST_DEPTH)),
  );
  for (const one of all) {
    const isLabels = LABEL_FOLDER.test(one.name) && one.images.length === 0;
    const found = isLabels
      ? await firstOfBoxes(root, one, () => true)
      : isFlatName(one.name) && (await boxesBeside(root, one));
    if (found) throw yolo(root, found);
  }
  if (hasLabels) refuseMasks(root, all);
}

/** Whether a folder is called as one whose images lie in it itself, or in its classes. */
function isFlatName(name: string): boolean {
  return partFolders([name]).size > 0 || DARKNET_FOLDER.test(name);
}

async function contentsOf(root: string, name: string, most: number): Promise<Contents> {
  const images: string[] = [];
  const others: string[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    const { files, folders } = await listFolder(join(root, name, path));
    for (const file of files)
      (hasImageExtension(file) ? images : others).push(path === "" ? file : `${path}/${file}`);
    if (depth < most)
      for (const folder of folders)
        await visit(path === "" ? folder : `${path}/${folder}`, depth + 1);
  };
  await visit("", 0);
  return { name, images, others };
}

/** Images and masks alone, a mask for each image: with another folder of images they are classes. */
function refuseMasks(root: string, all: readonly Contents[]): void {
  const holding = all.filter(({ images }) => images.length > 0);
  const areMasks = ({ name, images }: Contents) => isMaskFolder(name, images);
  const masks = holding.filter(areMasks);
  const [images, ...more] = holding.filter((one) => !areMasks(one));
  if (images === undefined || more.length > 0 || masks.length === 0) return;
  const areTheirs = (one: Contents) =>
    (IMAGE_FOLDER.test(images.name) ||
      (partFolders([images.name]).size > 0 && one.name.startsWith(images.name))) &&
    areMasksOf(one.images, images.images);
  if (!masks.every(areTheirs)) return;
  const [first] = masks;
  const size = (one: Contents) => `${one.name} (${counted(one.images.length, "image")})`;
  throw new UserError(
    root,
    `images and masks of the same names, as for segmentation: ${[images, ...masks].map(size).join(", ")}`,
    EXPECTED,
    `${ONE_CLASS}; if ${first!.name} is a class, give its folder another name`,
  );
}

/** The first text beside an image of its name that is one of boxes. */
function boxesBeside(root: string, contents: Contents): Promise<string | undefined> {
  const keys = new Set(contents.images.map(keyOf));
  return firstOfBoxes(root, contents, (path) => keys.has(keyOf(path)));
}

async function firstOfBoxes(
  root: string,
  { name, others }: Contents,
  fits: (path: string) => boolean,
): Promise<string | undefined> {
  const texts = others.filter((path) => /\.txt$/i.test(path) && fits(path));
  // Images without an object have an empty one.
  for (const text of texts.slice(0, MOST_TEXTS))
    if (await holdsBoxes(join(root, name, text))) return join(name, text);
  return undefined;
}

async function holdsBoxes(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, 0);
    const [line = "", rest] = buffer.toString("latin1", 0, bytesRead).split(/\r?\n/, 2);
    // A polygon's line may be longer than what was read of it.
    const whole =
      rest === undefined && bytesRead === PROBE_BYTES ? line.replace(/\s\S*$/, "") : line;
    return YOLO_LINE.test(whole);
  } finally {
    await file.close();
  }
}

/** Folders 00000, 00001, each with what img2dataset knows of its images beside it. */
function refuseImg2dataset(root: string, { files, folders }: Entries): void {
  const known = new Set(files);
  const isShard = (name: string) =>
    [".parquet", "_stats.json"].some((end) => known.has(name + end));
  // One that was not finished has nothing beside it yet.
  if (!folders.every((name) => SHARD_FOLDER.test(name)) || !folders.some(isShard)) return;
  throw new UserError(
    root,
    `shards of img2dataset's, in its format files, which are no classes: ${listed(folders)}`,
    EXPECTED,
    "write labels.csv from its .parquet files: docs/datasets.md has a line for it; or download with " +
      `--output_format webdataset --save_additional_columns '["label"]'`,
  );
}

function unlabelled(folder: string): UserError {
  return new UserError(
    folder,
    "a folder called as Datumaro, CVAT or FiftyOne call that of images without a label",
    "a folder for each class",
    "label its images, or move it away; if it is a class, give it another name",
  );
}

function pascalVoc(root: string): UserError {
  return new UserError(
    root,
    "a dataset of Pascal VOC's form (JPEGImages, with Annotations, ImageSets or segmentations beside them)",
    EXPECTED,
    `${ONE_CLASS}: docs/datasets.md has a script for the files in Annotations`,
  );
}

function yolo(root: string, file: string): UserError {
  return new UserError(
    root,
    `boxes of objects, as YOLO writes them: ${file}`,
    EXPECTED,
    `${ONE_CLASS}; or export the dataset for classification (train/<class>/*, val/<class>/*)`,
  );
}
