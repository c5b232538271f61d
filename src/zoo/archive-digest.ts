/** Reads an archive from end to end once: SHA-256 of the file, and CRC-32 of every member. */
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import type yauzl from "yauzl";
import { crc32 } from "../archive/crc32.js";
import { damageError, openZip } from "../archive/zip-directory.js";

export interface DigestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told how much is read, of how much. */
  readonly progress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /** Shown the contents of every member, piece by piece, unpacked. */
  readonly contents?: ((member: string, bytes: Uint8Array) => void) | undefined;
}

export interface ArchiveDigest {
  readonly sizeBytes: number;
  /** Of the whole file, in lower-case hexadecimal digits. */
  readonly sha256: string;
}

const STORED = 0;
const INFLATE_CHUNK_BYTES = 1024 * 1024;

/**
 * Reads an archive of stored or deflated members; memory does not grow with it.
 * @throws UserError where it is no archive, or a member does not have the CRC-32 that the archive
 *   says
 */
export async function digestArchive(
  path: string,
  { signal, progress, contents }: DigestOptions = {},
): Promise<ArchiveDigest> {
  const { zip, file, members } = await openZip(path);
  const { sizeBytes } = file;
  const sha256 = createHash("sha256");
  let position = 0;
  async function* bytesTo(end: number): AsyncGenerator<Buffer> {
    for await (const chunk of file.chunks(position, end)) {
      signal?.throwIfAborted();
      sha256.update(chunk);
      position += chunk.length;
      progress?.(position, sizeBytes);
      yield chunk;
    }
  }
  const passTo = async (end: number) => {
    for await (const _ of bytesTo(end));
  };

  try {
    const inOrder = [...members].sort(
      (a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader,
    );
    for (const entry of inOrder) {
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      if (fileDataStart < position) throw new Error(`'${entry.fileName}' begins within another`);
      await passTo(fileDataStart);
      const end = fileDataStart + entry.compressedSize;
      if (end > sizeBytes) throw new Error(`'${entry.fileName}' ends beyond the file`);
      if ((await crcOf(entry, bytesTo(end), contents)) !== entry.crc32)
        throw new Error(`the CRC-32 of '${entry.fileName}' does not match`);
      // An inflater stops where its data end, which need not be where the member does.
      await passTo(end);
    }
    await passTo(sizeBytes);
    return { sizeBytes, sha256: sha256.digest("hex") };
  } catch (error) {
    signal?.throwIfAborted();
    throw damageError(path, path, error);
  } finally {
    zip.close();
    await file.handle.close();
  }
}

async function crcOf(
  entry: yauzl.Entry,
  packed: AsyncIterable<Buffer>,
  contents: DigestOptions["contents"],
): Promise<number> {
  let crc = 0;
  let sizeBytes = 0;
  const add = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      if (sizeBytes > entry.uncompressedSize)
        throw new Error(`'${entry.fileName}' inflates to more than its size`);
      contents?.(entry.fileName, chunk);
    }
  };
  if (entry.compressionMethod === STORED) await add(packed);
  else await pipeline(packed, zlib.createInflateRaw({ chunkSize: INFLATE_CHUNK_BYTES }), add);
  return crc;
}
