import { readlink, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemErrorCode, UserError } from "../errors.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { temporaryName } from "./temporary-name.js";

/**
 * Writes a file that is complete or absent: to a temporary name in the same folder, flushed to the
 * disk, then renamed over `path`. On any failure the temporary file is removed and whatever was
 * under `path` stays as it was. A symbolic link there is replaced, not followed; a device, a pipe or
 * /dev/stdout is refused, since a file in its place would be in the way of every other program.
 *
 * @param write produces the contents, handing each piece to `append` and awaiting it; what it
 *   throws itself is passed on
 * @param temporary the name in the meantime, a `temporaryName` in the same folder
 * @throws UserError where the system refuses (disk full, no permission, no such folder, ...)
 */
export async function writeFileAtomically(
  path: string,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
  files: FileSystem = nodeFileSystem,
  temporary = temporaryName(path),
): Promise<void> {
  const system = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw writeProblem(path, error);
    }
  };

  await refuseOtherThanFile(path);
  const file = await system(files.create(temporary));
  try {
    try {
      await write((bytes) => system(file.write(bytes)));
      await system(file.sync());
    } finally {
      await system(file.close());
    }
    await system(files.rename(temporary, path));
  } catch (error) {
    await files.remove(temporary).catch(() => undefined);
    throw error;
  }
  // The file is whole and in place, whatever comes of this.
  await files.syncFolder(dirname(path)).catch(() => undefined);
}

/** Found out before the contents are made, not at the rename after it. */
async function refuseOtherThanFile(path: string): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  if (present?.isDirectory())
    throw new UserError(
      path,
      "a folder",
      "the name of a file to write",
      "give a file name inside it",
    );
  if (present?.isFile() === false || (await isLinkToOpenFile(path)))
    throw new UserError(
      path,
      "a device, a pipe, or another name of an open file",
      "the name of a file to write, which is complete or not there",
      "give the name of a file, and read it once the command is done",
    );
}

/** Whether it is a link as /dev/stdout is, which Linux has lead into /proc, to whatever is open. */
async function isLinkToOpenFile(path: string): Promise<boolean> {
  const target = await readlink(path).catch(() => undefined);
  return target !== undefined && resolve(dirname(path), target).startsWith("/proc/");
}

const FAILURES: Readonly<
  Record<string, readonly [got: string, expected: string, nextStep: string]>
> = {
  ENOSPC: [
    "the disk is full",
    "room for the whole file",
    "free some space or choose another folder",
  ],
  EDQUOT: [
    "the disk quota is used up",
    "room for the whole file",
    "free some space or choose another folder",
  ],
  EFBIG: [
    "the file grew past the size limit",
    "room for the whole file",
    "raise the limit (ulimit -f) or choose another disk",
  ],
  EACCES: [
    "writing there is not permitted",
    "a folder you may write to",
    "choose another folder or change its permissions",
  ],
  EPERM: [
    "writing there is not permitted",
    "a folder you may write to",
    "choose another folder or change its permissions",
  ],
  EROFS: ["a read-only file system", "a folder you may write to", "choose another folder"],
  ENOENT: [
    "its folder does not exist",
    "an existing folder",
    "create the folder first or choose another",
  ],
  ENOTDIR: ["part of the path is not a folder", "an existing folder", "choose another path"],
  ENAMETOOLONG: ["the name is too long", "a shorter name", "choose another name"],
};

const OTHER_FAILURE = [
  "it could not be written",
  "a file that can be written",
  "check the disk or choose another folder",
] as const;

/** The code of a system call that failed in writing; undefined for any other error. */
function codeOf(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  return code?.startsWith("ERR_") ? undefined : code;
}

/** In a few words why nothing was written, as `the disk is full (ENOSPC)`; undefined where an error is of another kind. */
export function writeRefusal(error: unknown): string | undefined {
  const code = codeOf(error instanceof UserError ? error.cause : error);
  if (code !== undefined) return `${(FAILURES[code] ?? OTHER_FAILURE)[0]} (${code})`;
  return error instanceof UserError ? error.got : undefined;
}

/** A UserError for a system call that failed in writing; anything else is handed back unchanged. */
export function writeProblem(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const [got, expected, nextStep] = FAILURES[code] ?? OTHER_FAILURE;
  return new UserError(path, `${got} (${code}); nothing was changed`, expected, nextStep, {
    cause: error,
  });
}
