/** What lies in class folders and is none of their images, though it would count as such: masks, annotations. */
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { listed } from "../listed.js";
import type { ListedFolder } from "./class-folders.js";
import { areMasksOf, IMAGE_FOLDER, isMaskFolder, keyOf, LABEL_FOLDER } from "./mask-names.js";

/** Masks beside their images: `benign (1)_mask.png`, `benign (1)_mask_1.png`; a JPEG may be of a face with a mask. */
const MASK_FILE = /[ _-](masks?|segmentations?|seg|gt)([ _-]\d+)?\.(?!jpe?g$)\w+$/i;
/** So many of the images are masks where they are a part of the dataset; of fewer, these are names by chance. */
const LEAST_SHARE = 1 / 4;
const PROBE_NAMES = 100;

/**
 * Refuses class folders in which each image has a mask, or which are datasets with annotations of their own.
 * @param folders as `listClassFolders` gives them
 * @throws UserError that names what lies in them
 */
export function refuseWithinClasses(root: string, folders: readonly ListedFolder[]): void {
  const inner = innerFolders(folders);
  const masks = [...folders.flatMap(masksBesideImages), ...inner.flatMap(masksInFolders)];
  const total = folders.reduce((sum, { images }) => sum + images.length, 0);
  if (masks.length > 0 && masks.length >= LEAST_SHARE * total)
    throw new UserError(
      root,
      `masks among the images of the classes, as for segmentation, ${masks.length} of ${total}: ${listed(masks)}`,
      "the images alone in the folder of each class",
      "move the masks out of the dataset's folder; if they are images of a class, give them other names",
    );
  const withAnnotations = inner.filter(hasAnnotations).map(({ name }) => name);
  if (inner.length < 2 || withAnnotations.length < inner.length) return;
  throw new UserError(
    root,
    `folders that are datasets with annotations of their own, as of Supervisely: ${listed(withAnnotations)}`,
    "a folder of images for each class, or a table of paths and labels (.csv, .tsv, .jsonl)",
    `write a table of path,label into ${join(root, "labels.csv")}, or sort the images into class folders`,
  );
}

/** A class folder and the folders in it, by name. */
interface InnerFolders {
  readonly name: string;
  readonly folders: ReadonlyMap<string, ListedFolder>;
}

function innerFolders(folders: readonly ListedFolder[]): readonly InnerFolders[] {
  const found = new Map<string, Map<string, ListedFolder>>();
  for (const folder of folders) {
    const [name = "", inner, deeper] = folder.path.split("/", 3);
    if (name === "") continue;
    const known = found.get(name) ?? new Map<string, ListedFolder>();
    found.set(name, known);
    if (inner !== undefined && deeper === undefined) known.set(inner, folder);
  }
  return [...found].map(([name, inner]) => ({ name, folders: inner }));
}

function masksBesideImages({ path, images }: ListedFolder): readonly string[] {
  // Sorted, a mask comes behind its image; of a million names it is enough to look at some.
  if (!images.slice(0, PROBE_NAMES).some((name) => MASK_FILE.test(name))) return [];
  const named = images.filter((name) => MASK_FILE.test(name));
  const keys = new Set(images.map(keyOf));
  return named
    .filter((name) => keys.has(keyOf(name.replace(MASK_FILE, ".png"))))
    .map((name) => `${path}/${name}`);
}

function masksInFolders({ folders }: InnerFolders): readonly string[] {
  const images = imagesIn(folders);
  if (images === undefined) return [];
  return [...folders].flatMap(([name, { path, images: masks }]) =>
    isMaskFolder(name, masks) && areMasksOf(masks, images)
      ? masks.map((mask) => `${path}/${mask}`)
      : [],
  );
}

function hasAnnotations({ folders }: InnerFolders): boolean {
  const isOne = ([name, { images, skipped }]: [string, ListedFolder]) =>
    LABEL_FOLDER.test(name) && images.length === 0 && skipped > 0;
  return imagesIn(folders) !== undefined && [...folders].some(isOne);
}

function imagesIn(folders: ReadonlyMap<string, ListedFolder>): readonly string[] | undefined {
  const isOne = ([name, { images }]: [string, ListedFolder]) =>
    IMAGE_FOLDER.test(name) && images.length > 0;
  return [...folders].find(isOne)?.[1].images;
}
