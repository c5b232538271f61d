/** Where a run goes on: its newest checkpoint that is whole. */
import { stat } from "node:fs/promises";
import { fileHash } from "../archive/file-hash.js";
import { exists } from "../archive/file-reading.js";
import { type FileSystem, nodeFileSystem } from "../archive/file-system.js";
import { UserError } from "../errors.js";
import {
  type CheckpointPaths,
  checkpointAt,
  listCheckpoints,
  verifyCheckpoint,
} from "./checkpoint-folder.js";
import type { Manifest } from "./manifest.js";
import { publish } from "./publish-checkpoint.js";
import type { RunFolder } from "./run-folder.js";

/** A checkpoint from which a run can go on. */
export interface FoundCheckpoint {
  readonly archive: string;
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
      return { archive: paths.archive, manifest: found };
    const reason = "version" in found ? `is of step ${found.steps}` : found.reason;
    damaged.push(`${paths.path}: ${reason}`);
    note(`Passing over a damaged checkpoint: ${damaged.at(-1)}`);
  }
  if (damaged.length > 0) throw noneWhole(folder, damaged);
  if (!(await exists(folder.checkpoint))) return undefined;
  return { archive: folder.checkpoint, manifest: undefined };
}

/** Makes `<run>/checkpoint.npz` mean the checkpoint from which the run goes on, unless it does. */
export async function publishFound(
  folder: RunFolder,
  { manifest }: FoundCheckpoint,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  if (manifest === undefined) return;
  const paths = checkpointAt(folder.checkpoints, manifest.steps);
  if (!(await isPublished(folder, paths, manifest))) await publish(folder, paths, files);
}

async function isPublished(
  { checkpoint }: RunFolder,
  { archive }: CheckpointPaths,
  { archive: written }: Manifest,
): Promise<boolean> {
  const [known, own] = await Promise.all(
    [checkpoint, archive].map((path) => stat(path).catch(() => undefined)),
  );
  if (known === undefined || known.size !== written.bytes) return false;
  if (known.ino === own?.ino && known.dev === own.dev) return true;
  // A copy, where the file system has no second names.
  return (await fileHash(checkpoint, "sha256").catch(() => undefined)) === written.sha256;
}

function noneWhole({ checkpoints }: RunFolder, damaged: readonly string[]): UserError {
  return new UserError(
    checkpoints,
    `no checkpoint is whole:\n    ${damaged.join("\n    ")}`,
    "at least one as it was written",
    "bring one back from a backup, or choose another --name to start from the beginning",
  );
}
