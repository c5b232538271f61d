/**
 * `<run>/checkpoint.npz` and `<run>/best.npz`: the newest checkpoint's archive and the best one's, as
 * people and other programs read them.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { fileHash } from "../disk/file-hash.js";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.js";
import { temporaryName } from "../disk/temporary-name.js";
import { systemErrorCode } from "../errors.js";
import type { FileFacts } from "../record/manifest.js";
import type { CheckpointPaths } from "./checkpoint-folder.js";

/**
 * Makes a name in a run's folder mean a checkpoint's archive: another name of the same file, or a copy
 * where the file system has no such names. What the name meant before, it means until then.
 */
export async function publish(
  published: string,
  { archive }: Pick<CheckpointPaths, "archive">,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  const name = temporaryName(published);
  try {
    await files.link(archive, name);
  } catch (error) {
    if (!withoutLinks.has(systemErrorCode(error) ?? "")) throw error;
    const copy = async (append: (bytes: Uint8Array) => Promise<void>) => {
      const chunks = createReadStream(archive, { highWaterMark: 2 ** 20 });
      for await (const chunk of chunks) await append(chunk as Buffer);
    };
    return writeFileAtomically(published, copy, files);
  }
  try {
    await files.rename(name, published);
  } finally {
    // Where both names mean the same file already, renaming does nothing.
    await files.remove(name);
  }
  await files.syncFolder(dirname(published));
}

/** Whether a name means a checkpoint's archive already. */
export async function isPublished(
  published: string,
  { archive }: Pick<CheckpointPaths, "archive">,
  { bytes, sha256 }: FileFacts,
): Promise<boolean> {
  const known = await stat(published).catch(() => undefined);
  if (known === undefined || known.size !== bytes) return false;
  if (await isSameFile(published, archive)) return true;
  // A copy, where the file system has no second names.
  return (await fileHash(published, "sha256").catch(() => undefined)) === sha256;
}

/** Whether two paths are names of one file, which is there. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK"]);
