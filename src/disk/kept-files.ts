/** A folder of files that can be made again: the ones that were not used for longest make room for others. */
import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { LEFT_FOR_MS, sweepLeftovers } from "./temporary-name.js";

/** Marks a file as used now, as far as that is permitted. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/**
 * Makes the place of a file that is to be kept, in a folder that is made where it is not there: what killed processes
 * left in it is removed, and so is a folder in the place of a kept file, which nothing of ours makes or reads.
 * @param ending of the files' names, as in `.npz`; others are left alone
 */
export async function makePlace(folder: string, ending: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await sweepLeftovers(folder, LEFT_FOR_MS);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory() && entry.name.endsWith(ending))
      await rm(join(folder, entry.name), { recursive: true, force: true });
}

/**
 * Removes the files that were unused for longest, until all together have at most `mostBytes`. What others remove or
 * write meanwhile is passed over.
 * @param ending of the files' names, as in `.npz`; others are left alone
 */
export async function makeRoom(folder: string, ending: string, mostBytes: number): Promise<void> {
  const files: { path: string; sizeBytes: number; usedMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const file = await stat(path).catch(() => undefined);
    if (file?.isFile() !== true || !name.endsWith(ending)) continue;
    files.push({ path, sizeBytes: file.size, usedMs: file.mtimeMs });
  }
  files.sort((a, b) => b.usedMs - a.usedMs);
  let sumBytes = 0;
  for (const { path, sizeBytes } of files) {
    sumBytes += sizeBytes;
    if (sumBytes > mostBytes) await rm(path, { force: true });
  }
}
