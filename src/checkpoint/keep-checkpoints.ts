/** Which checkpoints stay, and how the others go. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeProblem } from "../disk/atomic-file.js";
import type { FileSystem } from "../disk/file-system.js";
import { isTemporaryName } from "../disk/temporary-name.js";
import { systemErrorCode } from "../errors.js";
import type { CheckpointFacts } from "../record/manifest.js";
import type { RunFolder } from "../record/run-folder.js";
import {
  type CheckpointPaths,
  checkpointAt,
  checkpointPaths,
  listCheckpoints,
  namesIn,
} from "./checkpoint-folder.js";

const temporaryPrefix = ".tmp-";

/**
 * Keeps the newest checkpoints and the best. What claims to be newer than the one just written was
 * found damaged when the run resumed.
 */
export async function prune(
  checkpoints: string,
  { steps, best }: CheckpointFacts,
  keep: number,
  files: FileSystem,
): Promise<void> {
  const listed = await listCheckpoints(checkpoints);
  const kept = new Set(listed.filter((other) => other <= steps).slice(0, keep));
  if (best !== null) kept.add(best.step);
  const old = listed.filter((other) => !kept.has(other));
  for (const other of old) {
    const paths = checkpointAt(checkpoints, other);
    try {
      await removeCheckpoint(paths, files);
    } catch (error) {
      throw writeProblem(paths.path, error);
    }
  }
}

/** Removes a checkpoint, if it is there: under a temporary name, so that half of one is none. */
export async function removeCheckpoint(paths: CheckpointPaths, files: FileSystem): Promise<void> {
  const away = temporaryCheckpoint(dirname(paths.path));
  try {
    await files.rename(paths.path, away.path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  await removeContents(away, files);
}

/** Removes a checkpoint's folder file by file. */
export async function removeContents({ path }: CheckpointPaths, files: FileSystem): Promise<void> {
  for (const name of await namesIn(path)) await files.remove(join(path, name));
  await files.removeFolder(path);
}

/** The paths of a checkpoint that is being made or removed, under a name that nobody else chooses. */
export function temporaryCheckpoint(checkpoints: string): CheckpointPaths {
  const unique = `${process.pid}-${randomBytes(4).toString("hex")}`;
  return checkpointPaths(join(checkpoints, `${temporaryPrefix}${unique}`));
}

/**
 * Removes what earlier processes left half done. To be called by the one process that holds the run.
 */
export async function removeLeftovers({ path, checkpoints }: RunFolder): Promise<void> {
  const left = [
    ...(await namesIn(checkpoints))
      .filter((name) => name.startsWith(temporaryPrefix))
      .map((name) => join(checkpoints, name)),
    ...(await namesIn(path)).filter(isTemporaryName).map((name) => join(path, name)),
  ];
  for (const found of left) await rm(found, { recursive: true, force: true });
}
