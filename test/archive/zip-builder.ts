/**
 * ZIP archives written record by record, for tests: what no sound writer makes (encryption flags,
 * foreign methods, wrong checksums, repeated names) and what costs too much to write in full (gaps
 * that stay holes on the disk). Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
 */
import { open } from "node:fs/promises";
import { crc32 } from "../../src/archive/crc32.js";

export interface ZipMember {
  readonly name: string;
  /** As they lie in the archive, compressed or not. */
  readonly contents: Uint8Array;
  /** Zero bytes after `contents`, left as a hole. */
  readonly holeBytes?: number;
  readonly uncompressedSize?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
}

const LIMIT = 0xffffffff;
const UTF8_NAME = 0x800;

function record(...fields: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      if (bytes === 8) field.writeBigUInt64LE(BigInt(value));
      else field.writeUIntLE(value, 0, bytes);
      return field;
    }),
  );
}

/** Writes the archive, ZIP64 where offsets or sizes need it; returns its length in bytes. */
export async function writeZip(path: string, members: readonly ZipMember[]): Promise<number> {
  const handle = await open(path, "w");
  let position = 0;
  const append = async (bytes: Uint8Array) => {
    await handle.write(bytes, 0, bytes.length, position);
    position += bytes.length;
  };
  try {
    const directory: Buffer[] = [];
    for (const member of members) {
      const { name, contents, holeBytes = 0, method = 0, flags = 0 } = member;
      const offset = position;
      const packed = contents.length + holeBytes;
      const size = member.uncompressedSize ?? packed;
      const nameBytes = Buffer.from(name);
      const crc = member.crc ?? crc32(contents);
      const start = [
        [2, flags | UTF8_NAME],
        [2, method],
        [4, 33 << 16],
        [4, crc],
      ] as const;
      // As numpy does, the local header always has its sizes in a ZIP64 field.
      const local = record([4, 0x04034b50], [2, 45], ...start, [4, LIMIT], [4, LIMIT]);
      const localExtra = record([2, 1], [2, 16], [8, size], [8, packed]);
      const lengths = record([2, nameBytes.length], [2, localExtra.length]);
      await append(Buffer.concat([local, lengths, nameBytes, localExtra, contents]));
      position += holeBytes;

      const wide = [size, packed, offset].filter((value) => value >= LIMIT);
      const narrow = (value: number) => Math.min(value, LIMIT);
      const extra = wide.length
        ? record([2, 1], [2, 8 * wide.length], ...wide.map((value) => [8, value] as const))
        : Buffer.alloc(0);
      directory.push(
        record([4, 0x02014b50], [2, 45], [2, 45], ...start, [4, narrow(packed)], [4, narrow(size)]),
        record([2, nameBytes.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0]),
        record([4, narrow(offset)]),
        nameBytes,
        extra,
      );
    }
    const directoryStart = position;
    await append(Buffer.concat(directory));
    const directorySize = position - directoryStart;
    const count = members.length;
    if (directoryStart >= LIMIT) {
      const end64 = position;
      await append(record([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]));
      await append(record([8, count], [8, count], [8, directorySize], [8, directoryStart]));
      await append(record([4, 0x07064b50], [4, 0], [8, end64], [4, 1]));
    }
    await append(record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count]));
    await append(record([4, directorySize], [4, Math.min(directoryStart, LIMIT)], [2, 0]));
    return position;
  } finally {
    await handle.close();
  }
}
