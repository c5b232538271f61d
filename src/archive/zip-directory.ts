/**
 * Opens a ZIP archive for random access and lists its members. yauzl reads the structure (ZIP64
 * included); this file gives it a window on the disk, and turns whatever can be wrong with an
 * archive into one UserError.
 */
import type { FileHandle } from "node:fs/promises";
import yauzl from "yauzl";
import { isZip, KIND_BYTES } from "../disk/file-kind.js";
import { EarlyEnd, openForReading, readError, readExactly } from "../disk/file-reading.js";
import { systemErrorCode, UserError } from "../errors.js";
import { fetchStep, notAnNpz } from "./not-an-npz.js";
import {
  END_BYTES,
  endRecord,
  LOCAL_HEADER_BYTES,
  MAX_MEMBERS,
  RECORD_BYTES,
  TAIL_BYTES,
} from "./zip-records.js";

/** An open archive: yauzl's view, the file under it, and its members in their order. */
export interface ZipDirectory {
  readonly zip: yauzl.ZipFile;
  readonly file: ArchiveFile;
  readonly members: readonly yauzl.Entry[];
  /** The file's first bytes. */
  readonly start: Uint8Array;
  /** Where the record that comes after a member begins, which the member must not reach into. */
  readonly ends: ReadonlyMap<yauzl.Entry, number>;
}

/**
 * The longest run of bytes that one disk access fetches ahead. The central directory, and a
 * member's ZIP and .npy headers, are each asked for in pieces of some 50 bytes.
 */
const WINDOW_BYTES = 16 * 1024;
const STREAM_CHUNK_BYTES = 256 * 1024;

/** Names, extra fields and comments come to some 150 bytes for a member. */
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;

/** Random access to the archive's bytes, as yauzl wants it. */
export class ArchiveFile extends yauzl.RandomAccessReader {
  #window = { start: 0, bytes: new Uint8Array(0) };

  constructor(
    readonly handle: FileHandle,
    readonly sizeBytes: number,
  ) {
    super();
  }

  /** Exactly these bytes (read only); throws a plain Error beyond the end of the file. */
  async bytesAt(position: number, length: number): Promise<Uint8Array> {
    if (position + length > this.sizeBytes)
      throw new Error("a record lies beyond the end of the file");
    const window = this.#window;
    const offset = position - window.start;
    if (offset >= 0 && offset + length <= window.bytes.length)
      return window.bytes.subarray(offset, offset + length);
    const bytes = new Uint8Array(
      Math.min(Math.max(length, WINDOW_BYTES), this.sizeBytes - position),
    );
    await readExactly(this.handle, bytes, position);
    this.#window = { start: position, bytes };
    return bytes.subarray(0, length);
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.bytesAt(position, length).then((bytes) => {
      buffer.set(bytes, offset);
      callback(null);
    }, callback);
  }

  /** The bytes from `start` to before `end`, in pieces. */
  async *chunks(start: number, end: number): AsyncGenerator<Buffer> {
    for (let position = start; position < end; position += STREAM_CHUNK_BYTES) {
      const chunk = Buffer.allocUnsafe(Math.min(STREAM_CHUNK_BYTES, end - position));
      await readExactly(this.handle, chunk, position);
      yield chunk;
    }
  }
}

/**
 * Opens an archive and reads its central directory, wherever that lies.
 *
 * @throws UserError where the file is missing, is no ZIP archive, is cut off or damaged, has too many
 *   members or members that overlap, or names one twice or by a path that leaves the archive
 */
export async function openZip(path: string): Promise<ZipDirectory> {
  const { handle, sizeBytes } = await openForReading(path, fetchStep(path, "download it"));
  try {
    const file = new ArchiveFile(handle, sizeBytes);
    const archiveBytes = await lengthWithoutPadding(file);
    const zip = await openStructure(path, file, archiveBytes);
    // yauzl reports through promises here; an event nobody listens to would end the process.
    zip.on("error", () => undefined);
    const { members, directoryBytes } = await listMembers(zip, path);
    const ends = endsOf(members, archiveBytes - directoryBytes - END_BYTES, path);
    const start = (await file.bytesAt(0, Math.min(KIND_BYTES, sizeBytes))).slice();
    return { zip, file, members, ends, start };
  } catch (error) {
    await handle.close();
    throw damageError(path, path, error);
  }
}

async function listMembers(zip: yauzl.ZipFile, path: string) {
  const refusal = (got: string, expected: string) =>
    new UserError(path, got, expected, fetchStep(path));
  if (zip.entryCount > MAX_MEMBERS)
    throw refusal(`claims ${zip.entryCount} members`, `at most ${MAX_MEMBERS}`);
  const members: yauzl.Entry[] = [];
  const seen = new Set<string>();
  let directoryBytes = 0;
  for await (const member of zip.eachEntry()) {
    const { fileName, fileNameRaw, extraFieldRaw, fileCommentRaw } = member;
    const shown = JSON.stringify(fileName.slice(0, 200));
    if (/\p{Cc}/u.test(fileName))
      throw refusal(`names a member with control characters, ${shown}`, "printable names");
    if (seen.has(fileName)) throw refusal(`names the member ${shown} twice`, "each name once");
    seen.add(fileName);
    members.push(member);
    directoryBytes += RECORD_BYTES + fileNameRaw.length;
    directoryBytes += extraFieldRaw.length + fileCommentRaw.length;
    if (directoryBytes > MAX_DIRECTORY_BYTES)
      throw refusal("a directory of absurd size", `at most ${MAX_DIRECTORY_BYTES} bytes`);
  }
  return { members, directoryBytes };
}

/**
 * Where each member has to end. What shares its bytes with another can make a small archive unpack
 * to any size.
 * @param directoryStart where the last of the members has to end
 */
function endsOf(
  members: readonly yauzl.Entry[],
  directoryStart: number,
  path: string,
): Map<yauzl.Entry, number> {
  const ends = new Map<yauzl.Entry, number>();
  let end = directoryStart;
  const fromTheLast = [...members].sort(
    (a, b) => b.relativeOffsetOfLocalHeader - a.relativeOffsetOfLocalHeader,
  );
  for (const member of fromTheLast) {
    const { relativeOffsetOfLocalHeader: start, compressedSize, fileNameRaw } = member;
    // Its own extra field may make it longer: whoever reads its header holds it against `ends`.
    if (start + LOCAL_HEADER_BYTES + fileNameRaw.length + compressedSize > end)
      throw new UserError(
        path,
        `the member '${member.fileName}' overlaps another or the directory`,
        "members one after the other",
        fetchStep(path),
      );
    ends.set(member, end);
    end = start;
  }
  return ends;
}

/**
 * A UserError for what yauzl, zlib or the disk report about an archive; anything else is a bug and
 * handed back unchanged.
 *
 * @param where the archive, or the array in it
 */
export function damageError(path: string, where: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  // yauzl throws plain Errors without a code; zlib's codes begin with Z_.
  const isPlain = error instanceof Error && error.constructor === Error && code === undefined;
  if (isPlain || error instanceof EarlyEnd || code?.startsWith("Z_"))
    return new UserError(
      where,
      `the archive is damaged: ${(error as Error).message}`,
      "an intact .npz, as np.savez writes it",
      fetchStep(path),
      { cause: error },
    );
  return readError(path, error, fetchStep(path));
}

/** Where the archive in a file ends: zero bytes may follow it. */
async function lengthWithoutPadding(file: ArchiveFile): Promise<number> {
  const { sizeBytes } = file;
  // As a rule the last bytes are the end, without a comment.
  for (const tailBytes of [END_BYTES, TAIL_BYTES]) {
    const start = Math.max(0, sizeBytes - tailBytes);
    const end = endRecord(await file.bytesAt(start, sizeBytes - start))?.end;
    if (end !== undefined) return start + end;
  }
  return sizeBytes;
}

async function openStructure(
  path: string,
  file: ArchiveFile,
  archiveBytes: number,
): Promise<yauzl.ZipFile> {
  try {
    return await new Promise<yauzl.ZipFile>((resolve, reject) => {
      const options = { autoClose: false, lazyEntries: true };
      yauzl.fromRandomAccessReader(file, archiveBytes, options, (error, zip) =>
        error ? reject(error) : resolve(zip),
      );
    });
  } catch (error) {
    const { sizeBytes } = file;
    const start = await file.bytesAt(0, Math.min(KIND_BYTES, sizeBytes));
    if (isZip(start) && `${error}`.includes("Invalid comment length"))
      throw new Error("extra bytes follow its end", { cause: error });
    if (!isZip(start)) throw notAnNpz(path, start, sizeBytes, { cause: error });
    // With its beginning but without its end: by far the most frequent of all damages.
    if (!`${error}`.includes("signature not found")) throw error;
    throw new UserError(
      path,
      `cut off: a ZIP archive without its end (${sizeBytes} bytes)`,
      "a whole .npz, which is a ZIP archive of .npy files",
      fetchStep(path),
      { cause: error },
    );
  }
}
