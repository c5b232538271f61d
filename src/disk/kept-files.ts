/** A folder of files that can be made again: the ones that were not used for longest make room for others. */
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { isTemporaryName } from "./atomic-file.js";

const dayMs = 24 * 3_600_000;

/** Marks a file as used now, as far as that is permitted. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/**
 * Removes the files that were unused for longest, until all together have at most `mostBytes`, and what other
 * processes left half written a day ago. What others remove or write meanwhile is passed over.
 * @param ending of the files' names, as in `.npz`; others are left alone
 */
export async function makeRoom(folder: string, ending: string, mostBytes: number): Promise<void> {
  const files: { path: string; sizeBytes: number; usedMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const file = await stat(path).catch(() => undefined);
    if (file === undefined) continue;
    if (name.endsWith(ending)) files.push({ path, sizeBytes: file.size, usedMs: file.mtimeMs });
    else if (isTemporaryName(name) && Date.now() - file.mtimeMs > dayMs)
      await rm(path, { force: true });
  }
  files.sort((a, b) => b.usedMs - a.usedMs);
  let sumBytes = 0;
  for (const { path, sizeBytes } of files) {
    sumBytes += sizeBytes;
    if (sumBytes > mostBytes) await rm(path, { force: true });
  }
}
