/**
 * Images that lie together, with their labels in files of annotation tools, which are not read: what these
 * are, and what makes a table of them. Without it, `images` and `annotations` would pass for classes.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { partFolders } from "../parts/part-names.js";
import { listFolder } from "./class-folders.js";
import { hasImageExtension } from "./image-header.js";

interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** What annotation tools call the folder of all images. */
const IMAGE_FOLDER = /^(jpe?g|png)?[ _-]?(images?|imgs?|photos?|pictures?|data)$/i;

/** Folders in a folder, beyond which they are classes. */
const MOST_FOLDERS = 20;
/** So many first bytes hold a line of a list. */
const PROBE_BYTES = 4096;

const HOW = "write it as a table of path,label: docs/datasets.md has a script for it";

/** Files that may hold the labels, the more certain first: what they are, and what to do about them. */
const KINDS: readonly (readonly [name: RegExp, called: string, next: (file: string) => string])[] =
  [
    [
      /\.jsonl?$|\.ndjson$/i,
      "annotations as JSON, as of COCO, Datumaro or Label Studio",
      () => HOW,
    ],
    [/\.xml$/i, "annotations as XML, as of Pascal VOC or CVAT", () => HOW],
    [/\.mat$/i, "annotations for MATLAB", () => HOW],
    [
      /\.(csv|tsv)$/i,
      "a table",
      (file) => `name it, to use it or to hear why not: --dataset '${file}'`,
    ],
    [/\.(txt|lst)$/i, "a list of paths and labels", (file) => `name it: --dataset '${file}'`],
  ];

/**
 * Refuses a folder whose images lie together, in it or in a folder `images`, where a file of annotations
 * lies beside them.
 * @throws UserError that names the file, and says what to do about it
 */
export async function refuseAnnotations(root: string, entries: Entries): Promise<void> {
  const { folders } = entries;
  if (folders.length > MOST_FOLDERS) return;
  const inside = new Map<string, Entries>();
  for (const name of folders) inside.set(name, await listFolder(join(root, name)));
  const imageFolders = folders.filter((name) => IMAGE_FOLDER.test(name));
  const [only] = imageFolders;
  const together =
    entries.files.some(hasImageExtension) ||
    (await liesTogether(root, entries)) ||
    (imageFolders.length === 1 && (await liesTogether(join(root, only!), inside.get(only!)!)));
  if (!together) return;
  // Another folder of images would be a class beside it.
  const parts = partFolders(folders);
  for (const [name, other] of inside)
    if (name !== only && !parts.has(name) && (await hasImages(join(root, name), other))) return;
  const files = [
    ...entries.files,
    ...[...inside].flatMap(([name, { files }]) => files.map((file) => `${name}/${file}`)),
  ];
  for (const [pattern, called, next] of KINDS)
    for (const file of files) {
      const path = join(root, file);
      if (!pattern.test(file) || (/\.(txt|lst)$/i.test(file) && !(await isList(path)))) continue;
      throw new UserError(
        root,
        `images that lie together, and ${called}: ${file}`,
        "a folder of images for each class, or a table of paths and labels (.csv, .tsv, .jsonl)",
        next(path),
      );
    }
}

/** Whether images lie in a folder, or in the folders in it. */
async function hasImages(path: string, { files, folders }: Entries): Promise<boolean> {
  if (files.some(hasImageExtension)) return true;
  for (const name of folders.slice(0, MOST_FOLDERS))
    if ((await listFolder(join(path, name))).files.some(hasImageExtension)) return true;
  return false;
}

/** Whether images lie in a folder itself, or in folders of its that are all named as parts. */
async function liesTogether(path: string, { files, folders }: Entries): Promise<boolean> {
  if (folders.length === 0) return files.some(hasImageExtension);
  const parts = partFolders(folders);
  if (parts.size < folders.length) return false;
  for (const name of folders) {
    const part = await listFolder(join(path, name));
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
