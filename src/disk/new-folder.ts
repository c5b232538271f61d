/** Folders that a command makes: complete or absent, and never in the place of anything. */
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors.js";
import { writeProblem } from "./atomic-file.js";
import { nodeFileSystem } from "./file-system.js";
import { sweepLeftovers, temporaryName } from "./temporary-name.js";

/** @throws UserError where anything of this name is there */
export async function requireNewFolder(path: string, flag: string): Promise<void> {
  // What cannot be reached is told by the making of the folder.
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  throw new UserError(
    path,
    "there is something of this name already",
    "a folder that is not there yet",
    `remove it, or name another with ${flag}`,
  );
}

/**
 * Makes an empty folder beside `path` under a temporary name, after what killed processes left there is removed.
 * @returns its path
 * @throws the system's errors as they come
 */
async function makeTemporaryFolder(path: string): Promise<string> {
  await sweepLeftovers(dirname(path));
  const temporary = temporaryName(path);
  await mkdir(temporary);
  return temporary;
}

/**
 * Makes a folder under a temporary name beside its own, which it gets when `fill` is done. On any failure
 * nothing of it is left.
 * @returns what `fill` does
 * @throws UserError where there is something of this name, or the system refuses; and what `fill` throws
 */
export async function makeFolderAtomically<T>(
  path: string,
  flag: string,
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  await requireNewFolder(path, flag);
  const system = async <T>(call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => {
      throw writeProblem(path, error);
    });
  const temporary = await system(makeTemporaryFolder(path));
  let filled: T;
  try {
    filled = await fill(temporary);
    await system(nodeFileSystem.syncFolder(temporary));
    await requireNewFolder(path, flag);
    await system(rename(temporary, path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  // The folder is whole and in place, whatever comes of this.
  await nodeFileSystem.syncFolder(dirname(path)).catch(() => undefined);
  return filled;
}
