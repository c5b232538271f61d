/**
 * What an archive says of one of its arrays, read and checked before a byte is allocated for its
 * values.
 */
import zlib from "node:zlib";
import type yauzl from "yauzl";
import { UserError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { fetchStep } from "./not-an-npz.js";
import {
  checkNpyLength,
  MAX_NPY_HEADER_BYTES,
  NPY_PREAMBLE_BYTES,
  type NpyHeader,
  npyHeaderBytes,
  parseNpyHeader,
} from "./npy-header.js";
import { damageError, type ZipDirectory } from "./zip-directory.js";
import { MAX_DEFLATE_RATIO } from "./zip-records.js";

/** A member that can be read. */
export interface Member {
  readonly entry: yauzl.Entry;
  readonly header: NpyHeader;
  /** Where the member's contents begin in the archive. */
  readonly position: number;
  readonly headerCrc: number;
}

/** ZIP's compression methods, as numpy uses them. */
export const STORED = 0;
const DEFLATED = 8;

const METHODS: Readonly<Record<number, string>> = {
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "Zstandard",
  95: "xz",
};

/** Reads a member's header. What makes this one member unreadable is returned, not thrown. */
export async function inspectMember(
  directory: ZipDirectory,
  entry: yauzl.Entry,
  path: string,
  where: string,
): Promise<Member | UserError> {
  try {
    checkStorage(entry, path, where);
    const { zip } = directory;
    const { fileDataStart: position } = await zip.readLocalFileHeaderPromise(entry, {
      minimal: true,
    });
    if (position + entry.compressedSize > directory.ends.get(entry)!)
      throw new Error("it overlaps another member");
    const start = await firstBytes(directory, entry, position, where);
    const header = parseNpyHeader(start, where);
    checkNpyLength(header, entry.uncompressedSize, where);
    return { entry, header, position, headerCrc: crc32(start.subarray(0, header.headerBytes)) };
  } catch (error) {
    const problem = damageError(path, where, error);
    if (problem instanceof UserError) return problem;
    throw problem;
  }
}

function checkStorage(entry: yauzl.Entry, path: string, where: string): void {
  const saveAgain = "save it again from Python with np.savez or np.savez_compressed";
  if (entry.isEncrypted())
    throw new UserError(where, "encrypted", "an archive without a password", saveAgain);
  const method = entry.compressionMethod;
  if (method !== STORED && method !== DEFLATED) {
    const got = `compressed by ${METHODS[method] ?? "an unknown method"} (method ${method})`;
    throw new UserError(where, got, "stored or deflated, as numpy does", saveAgain);
  }
  if (entry.uncompressedSize > (entry.compressedSize + 1) * MAX_DEFLATE_RATIO) {
    const got = `claims ${entry.uncompressedSize} bytes, packed in ${entry.compressedSize}`;
    throw new UserError(where, got, "sizes that deflate can reach", fetchStep(path));
  }
}

/** The member's contents at least as far as its .npy header goes (or all, where it is shorter). */
async function firstBytes(
  { file }: ZipDirectory,
  entry: yauzl.Entry,
  position: number,
  where: string,
): Promise<Uint8Array> {
  const packed = (limit: number) => file.bytesAt(position, Math.min(limit, entry.compressedSize));
  // A header has 128 bytes as a rule; only one that does not fit makes a second, longer read.
  for (const limit of [1024, MAX_NPY_HEADER_BYTES + 1024]) {
    const bytes = await packed(limit);
    const start = entry.compressionMethod === STORED ? bytes : await inflateStart(bytes);
    const whole = bytes.length === entry.compressedSize;
    if (
      whole ||
      (start.length >= NPY_PREAMBLE_BYTES && start.length >= npyHeaderBytes(start, where))
    )
      return start;
  }
  throw new Error("its .npy header is cut off");
}

/** Inflates as far as the packed bytes reach, and not much further than the longest header. */
async function inflateStart(packed: Uint8Array): Promise<Uint8Array> {
  const inflate = zlib.createInflateRaw({ finishFlush: zlib.constants.Z_SYNC_FLUSH });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  inflate.end(packed);
  for await (const chunk of inflate as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= MAX_NPY_HEADER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
