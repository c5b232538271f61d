/**
 * Images that lie together, with their labels in files of annotation tools, which are not read: what these
 * are, and what makes a table of them. Without it, `images` and `annotations` would pass for classes.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { partFolders } from "../parts/part-names.js";
import { isListName, isTableName } from "../tables/tables-in-folder.js";
import { listFolder } from "./class-folders.js";
import { hasImageExtension } from "./image-header.js";
import { IMAGE_FOLDER } from "./mask-names.js";

interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** What annotation tools call the folder of what they know of the images. */
const ANNOTATION_FOLDER = /^annotations?$/i;

/** Folders in a folder, beyond which they are classes. */
const MOST_FOLDERS = 20;
/** Folders within a class folder, in which its images lie. */
const MOST_DEPTH = 3;
/** So many first bytes hold a line of a list. */
const PROBE_BYTES = 4096;

const AS_TABLE = "write it as a table of path,label";
const BY_SCRIPT = `${AS_TABLE}: docs/datasets.md has a script for it`;

/** Files that may hold the labels, the more certain first: what they are, and what to do about them. */
const KINDS: readonly (readonly [
  isOne: (name: string) => boolean,
  called: string,
  next: (file: string) => string,
])[] = [
  [
    (name) => /\.(json|jsonl|ndjson)$/i.test(name),
    "annotations as JSON, as of COCO, Datumaro or Label Studio",
    () => BY_SCRIPT,
  ],
  [(name) => /\.xml$/i.test(name), "annotations as XML, as of Pascal VOC or CVAT", () => BY_SCRIPT],
  [(name) => /\.mat$/i.test(name), "annotations for MATLAB", () => AS_TABLE],
  [isTableName, "a table", (file) => `name it, to use it or to hear why not: --dataset '${file}'`],
  [isListName, "a list of paths and labels", (file) => `name it: --dataset '${file}'`],
];

/**
 * Refuses a folder whose images lie together, in it or in a folder `images`, where a file of annotations
 * lies beside them.
 * @throws UserError that names the file, and says what to do about it
 */
export async function refuseAnnotations(root: string, entries: Entries): Promise<void> {
  if (entries.folders.length > MOST_FOLDERS) return;
  const inside = new Map<string, Entries>();
  for (const name of entries.folders) inside.set(name, await listFolder(join(root, name)));
  if (!(await lieTogether(root, entries.files, inside))) return;
  const files = [...entries.files];
  for (const [name, { files: own, folders }] of inside) {
    files.push(...own.map((file) => `${name}/${file}`));
    for (const inner of ANNOTATION_FOLDER.test(name) ? folders : [])
      for (const file of (await listFolder(join(root, name, inner))).files)
        files.push(`${name}/${inner}/${file}`);
  }
  for (const [isOne, called, next] of KINDS)
    for (const file of files) {
      const path = join(root, file);
      if (!isOne(file) || (isListName(file) && !(await isList(path)))) continue;
      throw new UserError(
        root,
        `images that lie together, and ${called}: ${file}`,
        "a folder of images for each class, or a table of paths and labels (.csv, .tsv, .jsonl)",
        next(path),
      );
    }
}

/**
 * Whether all images lie in a folder itself, in the one of its folders that is called so, or in folders that are
 * named as parts: of others each would be a class.
 */
async function lieTogether(
  root: string,
  files: readonly string[],
  inside: ReadonlyMap<string, Entries>,
): Promise<boolean> {
  const holding: string[] = [];
  for (const [name, entries] of inside) {
    // Images further in there are masks.
    const depth = ANNOTATION_FOLDER.test(name) ? 0 : MOST_DEPTH;
    if (await hasImages(join(root, name), entries, depth)) holding.push(name);
  }
  const [only] = holding;
  if (only === undefined) return files.some(hasImageExtension);
  if (holding.length > 1 || !IMAGE_FOLDER.test(only)) return areFlatParts(root, holding);
  const { folders } = inside.get(only)!;
  return folders.length === 0 || areFlatParts(join(root, only), folders);
}

/** Whether images lie in a folder, or in the folders in it. */
async function hasImages(
  path: string,
  { files, folders }: Entries,
  depth: number,
): Promise<boolean> {
  if (files.some(hasImageExtension)) return true;
  if (depth === 0) return false;
  for (const name of folders.slice(0, MOST_FOLDERS)) {
    const inner = join(path, name);
    if (await hasImages(inner, await listFolder(inner), depth - 1)) return true;
  }
  return false;
}

/** Whether some folders in a folder are named as parts, and images lie in each of them itself. */
async function areFlatParts(root: string, names: readonly string[]): Promise<boolean> {
  if (partFolders(names).size < names.length) return false;
  for (const name of names) {
    const part = await listFolder(join(root, name));
    if (part.folders.length > 0 || !part.files.some(hasImageExtension)) return false;
  }
  return true;
}

/** Whether the first line of a text is a path of an image and one word. */
async function isList(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, 0);
    const line = buffer.subarray(0, bytesRead).toString("utf8").split(/\r?\n/, 1)[0]!;
    const cells = line.trim().split(/\s+/);
    return cells.length > 1 && cells.length < 4 && cells.some(hasImageExtension);
  } finally {
    await file.close();
  }
}
