import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { systemErrorCode, UserError } from "../errors.js";

/**
 * Pieces in which a large tensor is read. Small enough that a checksum finds the piece still in the
 * processor's cache, large enough that the calls do not count.
 */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Whether there is anything at a path; a link counts as what it leads to. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Whether there is a folder at a path; a link counts as what it leads to. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** What is found where a file is expected: a folder, a named pipe, a device. */
class NotAFile extends Error {}

/** A file that is shorter than it was when it was opened, or than it says itself. */
export class EarlyEnd extends Error {}

/**
 * Opens a regular file. It does not wait, as opening a named pipe otherwise does.
 * @throws NotAFile, and the system's errors as they come
 */
export async function openFile(path: string): Promise<{ handle: FileHandle; sizeBytes: number }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, sizeBytes: stats.size };
    throw new NotAFile("not a regular file");
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that is longer than any of its kind. */
class TooLong extends Error {}

/**
 * All of a regular file.
 * @throws NotAFile, EarlyEnd, TooLong beyond `mostBytes`, and the system's errors as they come
 */
export async function readWhole(path: string, mostBytes: number): Promise<Uint8Array> {
  const { handle, sizeBytes } = await openFile(path);
  try {
    if (sizeBytes > mostBytes)
      throw new TooLong(`${sizeBytes} bytes, more than the ${mostBytes} that are read`);
    const bytes = new Uint8Array(sizeBytes);
    await readExactly(handle, bytes, 0);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Bytes of a regular file from `offset` on. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * A part of a regular file, or all of it.
 * @throws NotAFile, EarlyEnd, and the system's errors as they come
 */
export async function readRange(path: string, range?: ByteRange): Promise<Uint8Array> {
  const { handle, sizeBytes } = await openFile(path);
  try {
    const bytes = new Uint8Array(range?.length ?? sizeBytes);
    await readExactly(handle, bytes, range?.offset ?? 0);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** As `openFile`; throws UserError, ending in `nextStep`, where that is not possible. */
export async function openForReading(
  path: string,
  nextStep: string,
): Promise<{ handle: FileHandle; sizeBytes: number }> {
  try {
    return await openFile(path);
  } catch (error) {
    throw readError(path, error, nextStep);
  }
}

/**
 * A UserError for a failed system call, and for a file that is none, ends early or is too long;
 * anything else is handed back unchanged.
 */
export function readError(path: string, error: unknown, nextStep: string): unknown {
  if ([NotAFile, EarlyEnd, TooLong].some((fault) => error instanceof fault))
    return new UserError(path, (error as Error).message, "a whole file", nextStep, {
      cause: error,
    });
  const code = systemErrorCode(error);
  if (code === undefined || code.startsWith("ERR_")) return error;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EACCES: "reading it is not permitted",
    EPERM: "reading it is not permitted",
    EISDIR: "a folder",
    EIO: "the disk failed to read it",
  };
  return new UserError(
    path,
    `${reasons[code] ?? "it cannot be read"} (${code})`,
    "a readable file",
    nextStep,
    {
      cause: error,
    },
  );
}

/**
 * Fills `target` with the file's bytes from `position` on, without another copy. `onChunk` sees the
 * bytes piece by piece, in order, while the next piece is being read.
 *
 * @throws EarlyEnd, and the system's errors as they come
 */
export async function readExactly(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<void> {
  const chunkAt = async (start: number): Promise<Uint8Array> => {
    const chunk = target.subarray(start, start + CHUNK_BYTES);
    for (let filled = 0; filled < chunk.length; ) {
      const { bytesRead } = await handle.read(
        chunk,
        filled,
        chunk.length - filled,
        position + start + filled,
      );
      if (bytesRead === 0) throw new EarlyEnd(`the file ends at byte ${position + start + filled}`);
      filled += bytesRead;
    }
    return chunk;
  };
  let next: Promise<Uint8Array> | undefined = target.length > 0 ? chunkAt(0) : undefined;
  for (let end = CHUNK_BYTES; next; end += CHUNK_BYTES) {
    const chunk: Uint8Array = await next;
    next = end < target.length ? chunkAt(end) : undefined;
    onChunk?.(chunk);
  }
}

/** A buffer for a tensor's data; throws UserError where the machine has no room for it. */
export function allocate(sizeBytes: number, where: string): ArrayBuffer {
  try {
    return new ArrayBuffer(sizeBytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      where,
      `an array of ${sizeBytes} bytes, for which there is no memory`,
      "an array that fits in memory",
      "close other programs or use a machine with more memory",
      { cause: error },
    );
  }
}
