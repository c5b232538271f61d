/**
 * Writes a ZIP archive as a stream of bytes. Each member's length and CRC-32 stand in its own header,
 * before its contents, as simple readers expect, which go from member to member without the directory
 * at the end. Libraries that stream put them behind the contents (yazl, archiver), or hold a member
 * in memory whole. ZIP64 where needed.
 *
 * Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
 */

/** What is known of a member before its contents are written. */
export interface ZipMemberFacts {
  /** As it stands in the archive: a path with forward slashes. */
  readonly name: string;
  /** 0: stored; 8: deflated. */
  readonly method: 0 | 8;
  /** Of the contents, unpacked. */
  readonly crc: number;
  readonly sizeBytes: number;
  /** As they lie in the archive: `sizeBytes` where they are stored. */
  readonly packedBytes: number;
}

/** The largest number that a field of four bytes holds; it says that the true one is elsewhere. */
const LIMIT = 0xffffffff;
const MAX_MEMBERS = 0xffff;
/** Numbers beyond it need a reader of ZIP64. */
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** The system by whose rules the file's mode is to be read, and 6.3 of the standard. */
const MADE_ON_UNIX = (3 << 8) | 63;
const MODE = 0o100644;
/** 1 January 1980, 0:00, as numpy has it. */
const DATE = (1 << 5) | 1;
/** Flag for names in UTF-8; others are taken for code page 437. */
const UTF8_NAME = 1 << 11;

type Field = readonly [bytes: 2 | 4 | 8, value: number];

function record(...fields: readonly Field[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [length]) => sum + length, 0));
  let at = 0;
  for (const [length, value] of fields) {
    if (length === 8) bytes.writeBigUInt64LE(BigInt(value), at);
    else bytes.writeUIntLE(value, at, length);
    at += length;
  }
  return bytes;
}

/** A ZIP64 field that holds these numbers; nothing where there are none. */
function zip64(...values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  return record([2, 1], [2, 8 * values.length], ...values.map((value): Field => [8, value]));
}

const isWide = (value: number): boolean => value >= LIMIT;
const narrow = (value: number): number => Math.min(value, LIMIT);

/** One archive. Members are added one after the other, then `end` writes the directory. */
export class ZipWriter {
  private position = 0;
  private readonly directory: Buffer[] = [];

  /** @param append takes each piece of the archive; the next comes when it is done */
  constructor(private readonly append: (bytes: Uint8Array) => Promise<void>) {}

  /** How many members were added. */
  get count(): number {
    return this.directory.length;
  }

  /**
   * Writes one member.
   * @param contents as they lie in the archive; taken piece by piece
   * @throws RangeError where they are not as long as was said, which is a bug of the caller; and what
   *   `append` and `contents` throw
   */
  async add(facts: ZipMemberFacts, contents: Iterable<Uint8Array>): Promise<void> {
    const { name, method, crc, sizeBytes, packedBytes } = facts;
    const start = this.position;
    const nameBytes = Buffer.from(name);
    const flags = nameBytes.length === name.length ? 0 : UTF8_NAME;
    const wide = isWide(sizeBytes) || isWide(packedBytes);
    const local = wide ? zip64(sizeBytes, packedBytes) : zip64();
    const sizes: readonly Field[] = [
      [4, crc],
      [4, wide ? LIMIT : packedBytes],
      [4, wide ? LIMIT : sizeBytes],
    ];
    const before: readonly Field[] = [[2, flags], [2, method], [2, 0], [2, DATE], ...sizes];
    await this.write(
      record([4, 0x04034b50], [2, wide ? VERSION_ZIP64 : VERSION], ...before),
      record([2, nameBytes.length], [2, local.length]),
      nameBytes,
      local,
    );
    const begun = this.position;
    for (const piece of contents) await this.write(piece);
    if (this.position - begun !== packedBytes)
      throw new RangeError(`${name}: ${this.position - begun} bytes instead of ${packedBytes}`);

    const far = isWide(start);
    const extra = zip64(...(wide ? [sizeBytes, packedBytes] : []), ...(far ? [start] : []));
    const version = wide || far ? VERSION_ZIP64 : VERSION;
    this.directory.push(
      Buffer.concat([
        record([4, 0x02014b50], [2, MADE_ON_UNIX], [2, version], ...before),
        record([2, nameBytes.length], [2, extra.length], [2, 0], [2, 0], [2, 0]),
        record([4, MODE * 2 ** 16], [4, narrow(start)]),
        nameBytes,
        extra,
      ]),
    );
  }

  /** Writes the directory, with which the archive is whole. */
  async end(): Promise<void> {
    const { count, position: start } = this;
    await this.write(...this.directory);
    const end = this.position;
    if (count >= MAX_MEMBERS || isWide(start) || isWide(end - start)) {
      const counts: readonly Field[] = [
        [8, count],
        [8, count],
      ];
      const versions: readonly Field[] = [
        [2, MADE_ON_UNIX],
        [2, VERSION_ZIP64],
      ];
      await this.write(
        record([4, 0x06064b50], [8, 44], ...versions, [4, 0], [4, 0], ...counts),
        record([8, end - start], [8, start]),
        record([4, 0x07064b50], [4, 0], [8, end], [4, 1]),
      );
    }
    const few = Math.min(count, MAX_MEMBERS);
    await this.write(
      record([4, 0x06054b50], [2, 0], [2, 0], [2, few], [2, few]),
      record([4, narrow(end - start)], [4, narrow(start)], [2, 0]),
    );
  }

  private async write(...pieces: readonly Uint8Array[]): Promise<void> {
    const [first] = pieces;
    if (first === undefined) return;
    const bytes = pieces.length === 1 ? first : Buffer.concat(pieces);
    await this.append(bytes);
    this.position += bytes.length;
  }
}
