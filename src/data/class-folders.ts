/**
 * Folders whose subfolders are classes, walked as torchvision's ImageFolder does: classes sorted by
 * code point, files anywhere below a class folder, links followed. Hidden entries and files that
 * are not named as images are passed over and counted.
 */

import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode, UserError } from "../errors.js";
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
}

interface Entries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Entries that are hidden or neither folder nor file. */
  readonly skipped: number;
}

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
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    if (entry.isFile()) files.push(entry.name);
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
    skipped: entries.length - folders.length - files.length,
  };
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
 * All images below a folder, by class.
 * @param root the folder that holds one folder for each class
 * @throws UserError if there is no class folder, or one without a single image
 */
export async function readClassFolders(root: string): Promise<ClassFolders> {
  const top = await listFolder(root);
  const classNames = top.folders;
  if (classNames.length === 0)
    throw new UserError(
      root,
      `no class folders in it${top.files.length > 0 ? `, but ${top.files.length} files` : ""}`,
      "one folder of images for each class",
      "sort the images into folders named after their classes",
    );
  const classes = await Promise.all(classNames.map((name) => walk(join(root, name))));
  const empty = classNames.filter((_, i) => classes[i]!.paths.length === 0);
  if (empty.length > 0)
    throw new UserError(
      root,
      `no images in the class folder${empty.length > 1 ? "s" : ""} ${listed(empty)}`,
      "at least one image in every class folder",
      "add images, or remove the folder",
    );
  const paths = classes.flatMap((found) => found.paths);
  const labels = new Int32Array(paths.length);
  let end = 0;
  let skipped = top.skipped + top.files.length;
  classes.forEach((found, label) => {
    labels.fill(label, end, end + found.paths.length);
    end += found.paths.length;
    skipped += found.skipped;
  });
  return { classNames, paths, labels, skipped };
}

/** The images of one class; folders in the order of their whole paths, as sorted(os.walk()) has it. */
async function walk(classFolder: string): Promise<{ paths: string[]; skipped: number }> {
  const folders: { path: string; images: string[] }[] = [];
  let skipped = 0;
  const visit = async (path: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(path);
    // A link to a folder above would be followed for ever.
    if (above.includes(real)) {
      skipped += 1;
      return;
    }
    const entries = await listFolder(path);
    const images = entries.files.filter(hasImageExtension);
    skipped += entries.skipped + entries.files.length - images.length;
    folders.push({ path, images });
    for (const name of entries.folders) await visit(join(path, name), [...above, real]);
  };
  await visit(classFolder, []);
  folders.sort((a, b) => byCodePoint(a.path, b.path));
  // Not join(): it would take as long as all the rest of a large dataset.
  const paths = folders.flatMap(({ path, images }) => images.map((name) => `${path}/${name}`));
  return { paths, skipped };
}

/** At most five names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
