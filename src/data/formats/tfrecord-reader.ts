/**
 * Reads TFRecord files, record by record, once from front to back. A record is its length (uint64,
 * little-endian), a checksum of that, its bytes, and a checksum of those.
 * Source: tensorflow/core/lib/io/record_writer.h.
 */

import type { FileHandle } from "node:fs/promises";
import { openForReading } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { maskedCrc32c } from "./crc32c.js";

/** A record of a file. */
export interface TfRecord {
  /** From 0 on. */
  readonly index: number;
  /** Where `bytes` begins in the file. */
  readonly offset: number;
  /** Good until the next record is asked for. */
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
const CHUNK_BYTES = 4 << 20;
/** A record holds one image. */
const MAX_RECORD_BYTES = 2 ** 30;

/**
 * The records of a file.
 * @throws UserError that names the file and the record, where a checksum does not match or the file
 * ends within a record
 */
export async function* readTfRecords(path: string): AsyncGenerator<TfRecord> {
  const next = "give the path of a TFRecord file";
  const { handle: file, sizeBytes } = await openForReading(path, next);
  try {
    const window = new FileWindow(file, sizeBytes);
    for (let index = 0; window.left > 0; index++) {
      const damaged = (got: string) => damagedRecord(path, index, got);
      const ends = "the file ends within it";
      const header = await window.take(HEADER_BYTES);
      if (header === undefined) throw damaged(ends);
      const numbers = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
      if (numbers.getUint32(8, true) !== maskedCrc32c(header.subarray(0, 8))) {
        const by = index === 0 ? compressionOf(header) : undefined;
        if (by !== undefined)
          throw damaged(`is compressed by ${by}, and images cannot be read from within`);
        throw damaged("the checksum of its length does not match");
      }
      const length = Number(numbers.getBigUint64(0, true));
      if (length > window.left) throw damaged(ends);
      if (length > MAX_RECORD_BYTES) throw damaged(`has ${length} bytes`);
      const offset = window.position;
      const body = await window.take(length + FOOTER_BYTES);
      if (body === undefined) throw damaged(ends);
      const bytes = body.subarray(0, length);
      const stored = new DataView(body.buffer, body.byteOffset + length, FOOTER_BYTES);
      if (stored.getUint32(0, true) !== maskedCrc32c(bytes))
        throw damaged("the checksum of its bytes does not match");
      yield { index, offset, bytes };
    }
  } finally {
    await file.close();
  }
}

/** The compressions that TFRecordWriter has, by a file's first bytes: RFC 1952 and RFC 1950. */
function compressionOf(start: Uint8Array): string | undefined {
  const [first, second] = [start[0]!, start[1]!];
  if (first === 0x1f && second === 0x8b) return "gzip";
  return first === 0x78 && (first * 256 + second) % 31 === 0 ? "zlib" : undefined;
}

/** A record that does not hold what it should. */
export function damagedRecord(path: string, index: number, got: string, cause?: unknown) {
  return new UserError(
    `${path} (record ${index})`,
    got,
    "a TFRecord file as it was written",
    "copy, download or write the file again, without compression",
    { cause },
  );
}

/** A file that is read forward, some megabytes at a time. */
class FileWindow {
  private buffer = new Uint8Array(CHUNK_BYTES);
  private begin = 0;
  private end = 0;
  /** Where the next `take` begins in the file. */
  position = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly sizeBytes: number,
  ) {}

  /** Bytes that have not been taken. */
  get left(): number {
    return this.sizeBytes - this.position;
  }

  /** The next bytes, good until more are taken; undefined where the file has not as many. */
  async take(bytes: number): Promise<Uint8Array | undefined> {
    if (bytes > this.left) return undefined;
    if (this.end - this.begin < bytes && !(await this.fill(bytes))) return undefined;
    const taken = this.buffer.subarray(this.begin, this.begin + bytes);
    this.begin += bytes;
    this.position += bytes;
    return taken;
  }

  private async fill(bytes: number): Promise<boolean> {
    const rest = this.buffer.subarray(this.begin, this.end);
    if (bytes > this.buffer.length) {
      const larger = new Uint8Array(bytes + CHUNK_BYTES);
      larger.set(rest);
      this.buffer = larger;
    } else this.buffer.copyWithin(0, this.begin, this.end);
    this.begin = 0;
    this.end = rest.length;
    while (this.end < bytes) {
      const { buffer, end } = this;
      const at = this.position + end;
      const { bytesRead } = await this.file.read(buffer, end, buffer.length - end, at);
      if (bytesRead === 0) return false;
      this.end += bytesRead;
    }
    return true;
  }
}
