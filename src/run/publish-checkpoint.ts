/** `<run>/checkpoint.npz`: the newest checkpoint's archive, as people and other programs read it. */
import { createReadStream } from "node:fs";
import { temporaryName, writeFileAtomically } from "../archive/atomic-file.js";
import { type FileSystem, nodeFileSystem } from "../archive/file-system.js";
import { systemErrorCode } from "../errors.js";
import type { CheckpointPaths } from "./checkpoint-folder.js";
import type { RunFolder } from "./run-folder.js";

/**
 * Makes `<run>/checkpoint.npz` mean a checkpoint's archive: another name of the same file, or a copy
 * where the file system has no such names.
 */
export async function publish(
  { path, checkpoint }: Pick<RunFolder, "path" | "checkpoint">,
  { archive }: CheckpointPaths,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  const name = temporaryName(checkpoint);
  try {
    await files.link(archive, name);
  } catch (error) {
    if (!withoutLinks.has(systemErrorCode(error) ?? "")) throw error;
    const copy = async (append: (bytes: Uint8Array) => Promise<void>) => {
      const chunks = createReadStream(archive, { highWaterMark: 2 ** 20 });
      for await (const chunk of chunks) await append(chunk as Buffer);
    };
    return writeFileAtomically(checkpoint, copy, files);
  }
  try {
    await files.rename(name, checkpoint);
  } finally {
    // Where both names mean the same file already, renaming does nothing.
    await files.remove(name);
  }
  await files.syncFolder(path);
}

const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK"]);
