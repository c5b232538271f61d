/**
 * Datasets that are folders of image files: `train/<class>/*` with held-out parts beside it, or class
 * folders alone, of which a part is then held out. Only headers are read here.
 */
import { join, resolve } from "node:path";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type Faults, faultsFor } from "../faults.js";
import { listed } from "../listed.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import type { ListedDataset, ListedPart } from "../parts/listed-dataset.js";
import { type PartName, partFolders, partNames } from "../parts/part-names.js";
import {
  checkNotEmpty,
  classFoldersOf,
  type ListedFolder,
  listClassFolders,
  listFolder,
} from "./class-folders.js";
import { nestedCopy } from "./nested-copy.js";
import { refuseWithinClasses } from "./within-classes.js";

/** A dataset and how many entries of its folders were passed over. */
export type ImageFolderDataset = Dataset & { readonly skipped: number };

/**
 * Reads a folder of images. Without folders that are named as parts (`partFolders`), its subfolders are the
 * classes; without a held-out part, a fifth of each class is held out (`stratifiedSplit`).
 * @param root the folder
 * @throws UserError if it is not clear what the classes are, if they are empty or differ between the parts,
 * or files cannot be decoded
 */
export async function loadImageFolder(
  root: string,
  options: DatasetOptions,
): Promise<ImageFolderDataset> {
  const dataset = await datasetOf(await listImageFolder(resolve(root), options), options);
  return { ...dataset, skipped: dataset.skipped ?? 0 };
}

async function listImageFolder(
  root: string,
  { badImages, evaluation }: DatasetOptions,
): Promise<ListedDataset> {
  const faults = faultsFor(badImages);
  const notes: string[] = [];
  const told = { notes, faults };
  const found = await findParts(root);
  if (found === undefined)
    return { where: root, parts: { whole: () => listPart(root, !evaluation, told) }, ...told };
  const parts: Partial<Record<PartName, () => Promise<ListedPart>>> = {};
  for (const part of partNames) {
    const path = found.parts[part];
    const trained = part === "train" && evaluation === undefined;
    if (path !== undefined) parts[part] = () => listPart(path, trained, told);
  }
  if (found.unused.length > 0) notes.push(`not used, beside the parts: ${listed(found.unused)}`);
  return { where: root, parts, ...told };
}

/**
 * The class folders of a part.
 * @param trained whether it is trained on: then none may be empty
 */
async function listPart(
  root: string,
  trained: boolean,
  { notes, faults }: { readonly notes: string[]; readonly faults: Faults | undefined },
): Promise<ListedPart> {
  const folders = await listClassFolders(root);
  const copy = nestedCopy(folders);
  if (copy !== undefined) throw copyWithin(root, copy);
  refuseWithinClasses(root, folders);
  const { systemFolders } = await listFolder(root);
  if (systemFolders.length > 0)
    notes.push(`left out, as folders of the system's: ${listed(systemFolders)} in ${root}`);
  const found = classFoldersOf(root, folders);
  if (trained) checkNotEmpty(root, found, faults);
  const { classNames, paths, labels, skipped } = found;
  const within = innerFolders(folders);
  if (within.length > 0 && classNames.length > 1)
    notes.push(
      `the classes are the folders in ${root} itself, not those within them: ${listed(within)}`,
    );
  const [only] = classNames;
  const oneClassHint =
    classNames.length === 1 ? await innerFolderHint(join(root, only!)) : undefined;
  return { where: root, classNames, images: { paths, labels }, skipped, oneClassHint };
}

/**
 * Folders of images within class folders that have several of them, which may be meant as classes:
 * `pets/cat` and `pets/dog`; not the `images` of each class alone.
 */
function innerFolders(folders: readonly ListedFolder[]): readonly string[] {
  const within = new Map<string, Set<string>>();
  for (const { path, images } of folders) {
    const [name = "", inner] = path.split("/", 2);
    if (inner === undefined || images.length === 0) continue;
    const known = within.get(name);
    if (known === undefined) within.set(name, new Set([inner]));
    else known.add(inner);
  }
  return [...within].flatMap(([name, inner]) =>
    inner.size > 1 ? [...inner].map((folder) => `${name}/${folder}`) : [],
  );
}

/** What to type where all the classes lie in one folder more, or in several, each in the next. */
async function innerFolderHint(inner: string, depth = 3): Promise<string | undefined> {
  const { folders } = await listFolder(inner);
  const [only] = folders;
  if (only === undefined) return undefined;
  if (folders.length === 1)
    return depth > 0 ? innerFolderHint(join(inner, only), depth - 1) : undefined;
  return `the classes seem to lie further in: type --dataset '${inner}'`;
}

/**
 * The folders of the parts, and what lies beside them.
 * @returns undefined where no folder is named as a part, or where that is a class's name
 * @throws UserError where it is not clear what is a part and what a class
 */
async function findParts(root: string): Promise<
  | {
      readonly parts: Readonly<Partial<Record<PartName, string>>>;
      readonly unused: readonly string[];
    }
  | undefined
> {
  const { folders } = await listFolder(root);
  const named = partFolders(folders);
  if (named.size === 0) return undefined;
  const parts: Partial<Record<PartName, string>> = {};
  const flat: string[] = [];
  const used = new Set<string>();
  for (const [name, part] of named) {
    const path = await classesOfPart(join(root, name), part);
    if (path === undefined) flat.push(name);
    else if (parts[part] === undefined) {
      parts[part] = path;
      used.add(name);
    }
  }
  const others = folders.filter((name) => !named.has(name));
  // A class may be called train, as beside bus and car: then images lie in it, and it is no part. Two are none.
  const flatParts = new Set(flat.map((name) => named.get(name)));
  if (used.size === 0 && others.length > 0 && flatParts.size < 2) return undefined;
  if (used.size === 0) throw withoutClasses(root, flat);
  if (used.size === 1 && others.length > 1) throw unclear(root, [...used][0]!, others);
  return { parts, unused: folders.filter((name) => !used.has(name)) };
}

/** A part's folder, or the one in it of the same part that holds all of it; undefined without class folders. */
async function classesOfPart(path: string, part: PartName): Promise<string | undefined> {
  const { folders } = await listFolder(path);
  const [only] = folders;
  if (folders.length === 1 && partFolders(folders).get(only!) === part)
    return (await classesOfPart(join(path, only!), part)) ?? path;
  return folders.length > 0 ? path : undefined;
}

function withoutClasses(root: string, flat: readonly string[]): UserError {
  return new UserError(
    root,
    `folders named as parts, ${listed(flat)}, in which there are no class folders`,
    "one folder of images for each class in each part, or a table of paths and labels",
    "sort the images into folders named after their classes, or write a CSV of path,label",
  );
}

function unclear(root: string, part: string, others: readonly string[]): UserError {
  return new UserError(
    root,
    `a folder ${part}, as a part is called, and beside it ${listed(others)}`,
    "either parts, each with one folder for each class, or class folders alone",
    `move the other folders away; or type --dataset '${join(root, part)}' to use ${part} alone`,
  );
}

function copyWithin(root: string, { path, of }: { path: string; of: string }): UserError {
  return new UserError(
    join(root, path),
    `seems to be a copy of ${of} that lies in it: its images would count twice`,
    "each image once",
    "move one of the two away, or give the inner folder as the dataset",
  );
}
