/** Where a run goes on: its newest checkpoint that is whole. */

import { NpzReader } from "../archive/npz-reader.js";
import { exists } from "../disk/file-reading.js";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.js";
import { UserError } from "../errors.js";
import { readRecord } from "../record/archive-record.js";
import type { Manifest } from "../record/manifest.js";
import type { RunFolder } from "../record/run-folder.js";
import { checkpointAt, listCheckpoints, verifyCheckpoint } from "./checkpoint-folder.js";
import { isPublished, isSameFile, publish } from "./publish-checkpoint.js";

/** A checkpoint from which a run can go on. */
export interface FoundCheckpoint {
  readonly archive: string;
  /** Where the optimizer's state and the position lie: the archive itself, where it is an old one. */
  readonly optimizer: string;
  /** Undefined where an earlier version of this program wrote it: a bare archive. */
  readonly manifest: Manifest | undefined;
}

/**
 * Finds the newest checkpoint that is as it was written; undefined where the run has saved none.
 * @param note told of each damaged checkpoint that is passed over
 * @throws UserError where there are checkpoints, but none is whole
 */
export async function findCheckpoint(
  folder: RunFolder,
  note: (line: string) => void = () => undefined,
): Promise<FoundCheckpoint | undefined> {
  const listed = await listCheckpoints(folder.checkpoints);
  const damaged: string[] = [];
  for (const steps of listed) {
    const paths = checkpointAt(folder.checkpoints, steps);
    const found = await verifyCheckpoint(paths);
    if ("version" in found && found.steps === steps)
      return {
        archive: paths.archive,
        optimizer: found.version === 1 ? paths.archive : paths.optimizer,
        manifest: found,
      };
    const reason = "version" in found ? `is of step ${found.steps}` : found.reason;
    damaged.push(`${paths.path}: ${reason}`);
    note(`Passing over a damaged checkpoint: ${damaged.at(-1)}`);
  }
  if (damaged.length > 0) throw noneWhole(folder, damaged);
  if (!(await exists(folder.checkpoint))) return undefined;
  const { checkpoint } = folder;
  return { archive: checkpoint, optimizer: checkpoint, manifest: undefined };
}

/**
 * Makes `<run>/checkpoint.npz` mean the checkpoint from which the run goes on, and `<run>/best.npz` the
 * best that it knows of, unless they do.
 */
export async function publishFound(
  folder: RunFolder,
  { manifest }: FoundCheckpoint,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  if (manifest === undefined) return;
  const paths = checkpointAt(folder.checkpoints, manifest.steps);
  if (!(await isPublished(folder.checkpoint, paths, manifest.archive)))
    await publish(folder.checkpoint, paths, files);
  await publishBest(folder, manifest, files);
}

async function publishBest(folder: RunFolder, manifest: Manifest, files: FileSystem) {
  const { best, steps } = manifest;
  if (best !== null) {
    const paths = checkpointAt(folder.checkpoints, best.step);
    if (await isSameFile(folder.best, paths.archive)) return;
    const found = best.step === steps ? manifest : await verifyCheckpoint(paths);
    if ("version" in found) {
      if (!(await isPublished(folder.best, paths, found.archive)))
        await publish(folder.best, paths, files);
      return;
    }
    // The best one's folder is gone or damaged; what has its name may be a whole copy of it.
    if ((await stepsOf(folder.best)) === best.step) return;
  }
  // It is of steps beyond the checkpoint from which the run goes on, and will be made again.
  if (await exists(folder.best)) await files.remove(folder.best);
}

/** The steps after which an archive was written; undefined where it does not say, or is damaged. */
async function stepsOf(path: string): Promise<number | undefined> {
  try {
    const archive = await NpzReader.open(path);
    try {
      return (await readRecord(archive))?.steps;
    } finally {
      await archive.close();
    }
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function noneWhole({ checkpoints }: RunFolder, damaged: readonly string[]): UserError {
  return new UserError(
    checkpoints,
    `no checkpoint is whole:\n    ${damaged.join("\n    ")}`,
    "at least one as it was written",
    "bring one back from a backup, or choose another --name to start from the beginning",
  );
}
