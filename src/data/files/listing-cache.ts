/**
 * Listings of large folders of classes, kept for later runs: to list ImageNet's 1.28 million files
 * takes long on a slow or remote disk, to ask 1,000 folders when they were changed does not.
 */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { cacheFolder } from "../../cache-folder.js";
import {
  type ClassFolders,
  classFoldersOf,
  type ListedFolder,
  listClassFolders,
} from "./class-folders.js";
import { keep, keptPath, readKept, SETTLED_MS } from "./kept-json.js";

// One string for all images of a folder: a file of a million short strings takes longer to check
// than to list. No file name holds a slash.
const listingSchema = z.object({
  format: z.literal(1),
  root: z.string(),
  folders: z.array(
    z.object({ path: z.string(), mtimeMs: z.number(), images: z.string(), skipped: z.int() }),
  ),
});

/**
 * All images below a folder of class folders, out of the listing of an earlier run where none of the
 * folders was changed since. A listing that is damaged, or cannot be written, only costs the time.
 * @param cache the user's cache folder
 * @throws UserError if there is no class folder
 */
export async function readKeptClassFolders(
  root: string,
  cache: string = cacheFolder(),
): Promise<ClassFolders> {
  const absolute = resolve(root);
  const path = listingPath(absolute, cache);
  const kept = await readListing(path, absolute);
  if (kept !== undefined && (await isUnchanged(absolute, kept)))
    return classFoldersOf(absolute, kept);
  const begunMs = Date.now();
  const folders = await listClassFolders(absolute);
  const found = classFoldersOf(absolute, folders);
  if (folders.every(({ mtimeMs }) => mtimeMs < begunMs - SETTLED_MS))
    await keepListing(path, absolute, folders);
  return found;
}

/** The file that holds the listing of a folder. */
export function listingPath(root: string, cache: string = cacheFolder()): string {
  return keptPath(cache, "listings", resolve(root));
}

async function readListing(path: string, root: string): Promise<ListedFolder[] | undefined> {
  const listing = listingSchema.safeParse(await readKept(path)).data;
  if (listing?.root !== root) return undefined;
  return listing.folders.map((folder) => ({
    ...folder,
    images: folder.images === "" ? [] : folder.images.split("/"),
  }));
}

async function isUnchanged(root: string, folders: readonly ListedFolder[]): Promise<boolean> {
  const changes = folders.map(async ({ path, mtimeMs }) => {
    const found = await stat(join(root, path)).catch(() => undefined);
    return found?.isDirectory() !== true || found.mtimeMs !== mtimeMs;
  });
  return !(await Promise.all(changes)).includes(true);
}

async function keepListing(
  path: string,
  root: string,
  folders: readonly ListedFolder[],
): Promise<void> {
  const packed = folders.map((folder) => ({ ...folder, images: folder.images.join("/") }));
  await keep(path, { format: 1, root, folders: packed });
}
