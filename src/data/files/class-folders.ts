/**
 * Folders whose subfolders are classes, walked as torchvision's ImageFolder does: classes sorted by
 * code point, files anywhere below a class folder, links followed. Hidden entries and files that
 * are not named as images are passed over and counted.
 */

import { isUtf8 } from "node:buffer";
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { counted } from "../../counted.js";
import { systemErrorCode, UserError } from "../../errors.js";
import { type Faults, report } from "../faults.js";
import { listed } from "../listed.js";
import { hasImageExtension } from "./image-header.js";

/** The images of some folder of classes. */
export interface ClassFolders {
  /** Sorted by code point; a label is an index into it. */
  readonly classNames: readonly string[];
  /** `[n]`, by class, then in torchvision's order. */
  readonly paths: readonly string[];
  /** `[n]` */
  readonly labels: Int32Array;
  /** Entries passed over. */
  readonly skipped: number;
  /** Classes without an image. */
  readonly empty: readonly string[];
}

/** One folder of a tree of class folders, as it was when it was listed. */
export interface ListedFolder {
  /** Below the tree's root, parted by `/`; the first part is the class. Empty for the root itself. */
  readonly path: string;
  /** When the folder was last changed. */
  readonly mtimeMs: number;
  /** Names of the images that lie in it itself, sorted by code point. */
  readonly images: readonly string[];
  /** Entries of it that were passed over. */
  readonly skipped: number;
}

interface Entries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Folders that a system or a program made for itself: passed over. */
  readonly systemFolders: readonly string[];
  /** Entries that are hidden, or neither folder nor file, or of the system. */
  readonly skipped: number;
}

/**
 * Folders that are nobody's class: macOS's in archives, file systems' own, recycle bins, Synology's
 * and QNAP's thumbnails (copies of the images in a smaller size), Python's.
 */
const SYSTEM_FOLDERS = new Set([
  "__MACOSX",
  "lost+found",
  "$RECYCLE.BIN",
  "RECYCLER",
  "System Volume Information",
  "@eaDir",
  "#recycle",
  "#snapshot",
  "@Recycle",
  "@Recently-Snapshot",
  "@tmp",
  "Network Trash Folder",
  "Temporary Items",
  "__pycache__",
]);

/**
 * Compares as Python does, by code point; JavaScript's own order is by UTF-16 code unit, which puts
 * the surrogates of U+10000 and beyond before U+E000.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xIsSurrogate = x >= 0xd800 && x <= 0xdfff;
    const yIsSurrogate = y >= 0xd800 && y <= 0xdfff;
    return xIsSurrogate === yIsSurrogate ? x - y : xIsSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}

/**
 * The visible folders and files in a folder, each sorted by code point; links count as what they
 * lead to.
 * @throws UserError if it is no folder or cannot be read
 */
export async function listFolder(folder: string): Promise<Entries> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new UserError(
      folder,
      `cannot be read as a folder (${systemErrorCode(error) ?? String(error)})`,
      "a readable folder",
      "check the path and its permissions",
      { cause: error },
    );
  }
  if (entries.some(({ name }) => name.includes("\ufffd"))) await checkNames(folder);
  const folders: string[] = [];
  const files: string[] = [];
  const systemFolders: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    if (SYSTEM_FOLDERS.has(entry.name) && !entry.isFile()) systemFolders.push(entry.name);
    else if (entry.isFile()) files.push(entry.name);
    else if (entry.isDirectory()) folders.push(entry.name);
    else {
      const kind = await kindBehindLink(join(folder, entry.name));
      if (kind === "folder") folders.push(entry.name);
      if (kind === "file") files.push(entry.name);
    }
  }
  return {
    folders: folders.sort(byCodePoint),
    files: files.sort(byCodePoint),
    systemFolders: systemFolders.sort(byCodePoint),
    skipped: entries.length - folders.length - files.length,
  };
}

/** @throws UserError if a name is no UTF-8: as text it would lead to no file */
async function checkNames(folder: string): Promise<void> {
  for (const name of await readdir(folder, { encoding: "buffer" })) {
    if (isUtf8(name)) continue;
    const shown = name.toString("latin1").replace(/[^ -~]/g, (byte) => {
      return `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
    });
    throw new UserError(
      folder,
      `a name that is no UTF-8: ${shown}`,
      "names of files and folders in UTF-8",
      `rename it; for all at once: convmv -r -f latin1 -t utf8 --notest '${folder}'`,
    );
  }
}

async function kindBehindLink(path: string): Promise<"folder" | "file" | undefined> {
  try {
    const target = await stat(path);
    return target.isFile() ? "file" : target.isDirectory() ? "folder" : undefined;
  } catch {
    // A link to nothing: kept, so that reading it names it as a file that cannot be read.
    return "file";
  }
}

/**
 * Lists a folder of class folders and all folders below it.
 * @returns the root first, then class by class; within a class in the order of whole paths, as
 *   sorted(os.walk()) has it
 * @throws UserError if there is no class folder, or a folder cannot be read
 */
export async function listClassFolders(root: string): Promise<ListedFolder[]> {
  const mtimeMs = await lastChange(root);
  const { folders, files, skipped } = await listFolder(root);
  if (folders.length === 0)
    throw new UserError(
      root,
      `no class folders in it${files.length > 0 ? `, but ${counted(files.length, "file")}` : ""}`,
      "one folder of images for each class",
      "sort the images into folders named after their classes",
    );
  const classes = await Promise.all(folders.map((name) => listClass(root, name)));
  return [{ path: "", mtimeMs, images: [], skipped: skipped + files.length }, ...classes.flat()];
}

async function listClass(root: string, name: string): Promise<ListedFolder[]> {
  const listed: ListedFolder[] = [];
  const visit = async (path: string, above: readonly string[]): Promise<boolean> => {
    const real = await realpath(join(root, path));
    // A link to a folder above would be followed for ever.
    if (above.includes(real)) return false;
    const mtimeMs = await lastChange(real);
    const entries = await listFolder(join(root, path));
    const images = entries.files.filter(hasImageExtension);
    let skipped = entries.skipped + entries.files.length - images.length;
    for (const folder of entries.folders)
      if (!(await visit(`${path}/${folder}`, [...above, real]))) skipped += 1;
    listed.push({ path, mtimeMs, images, skipped });
    return true;
  };
  await visit(name, []);
  return listed.sort((a, b) => byCodePoint(a.path, b.path));
}

/** Asked before the folder is listed: a change in between then shows as one. */
async function lastChange(folder: string): Promise<number> {
  // What cannot be read at all, listFolder reports.
  return (await stat(folder).catch(() => undefined))?.mtimeMs ?? 0;
}

/**
 * The images of listed folders, by class.
 * @param root where the folders lie
 * @param folders as `listClassFolders` gives them
 */
export function classFoldersOf(root: string, folders: readonly ListedFolder[]): ClassFolders {
  const classNames: string[] = [];
  const classSizes: number[] = [];
  const paths: string[] = [];
  let skipped = 0;
  for (const folder of folders) {
    skipped += folder.skipped;
    if (folder.path === "") continue;
    const name = folder.path.split("/", 1)[0]!;
    if (name !== classNames.at(-1)) {
      classNames.push(name);
      classSizes.push(0);
    }
    classSizes[classSizes.length - 1]! += folder.images.length;
    // Not join() for each image: it would take as long as all the rest of a large dataset.
    const prefix = `${join(root, folder.path)}/`;
    for (const image of folder.images) paths.push(prefix + image);
  }
  const labels = new Int32Array(paths.length);
  let end = 0;
  classSizes.forEach((size, label) => {
    labels.fill(label, end, end + size);
    end += size;
  });
  const empty = classNames.filter((_, label) => classSizes[label] === 0);
  return { classNames, paths, labels, skipped, empty };
}

/**
 * Refuses class folders without an image, as a training does.
 * @param faults where they are named, rather than in an error
 */
export function checkNotEmpty(root: string, { empty }: ClassFolders, faults?: Faults): void {
  if (empty.length === 0) return;
  const error = new UserError(
    root,
    `no images in the class folder${empty.length > 1 ? "s" : ""} ${listed(empty)}`,
    "at least one image in every class folder",
    "add images, or remove the folder",
  );
  report(error, faults);
}
