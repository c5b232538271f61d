import { type FileHandle, open } from "node:fs/promises";
import { systemErrorCode, UserError } from "../errors.js";

/**
 * Pieces in which a large tensor is read. Small enough that a checksum finds the piece still in the
 * processor's cache, large enough that the calls do not count.
 */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Opens a regular file; throws UserError, ending in `nextStep`, where that is not possible. */
export async function openForReading(
  path: string,
  nextStep: string,
): Promise<{ handle: FileHandle; sizeBytes: number }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, sizeBytes: stats.size };
  } catch (error) {
    await handle?.close();
    throw readError(path, error, nextStep);
  }
  await handle.close();
  throw new UserError(path, "not a regular file", "a file", nextStep);
}

/** A UserError for a failed system call; anything else is handed back unchanged. */
export function readError(path: string, error: unknown, nextStep: string): unknown {
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
 * @throws Error with a plain message where the file ends early; the system's errors as they come
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
      if (bytesRead === 0) throw new Error(`the file ends at byte ${position + start + filled}`);
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
