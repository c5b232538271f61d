/**
 * What a ZIP archive in memory says of its members, read and checked before anything is inflated.
 * jszip itself takes all of it on trust. Nothing here needs Node.
 *
 * Source: PKWARE APPNOTE 6.3, sections 4.3.12 and 4.3.16.
 */

/** A record of the central directory. */
export interface ZipRecord {
  readonly name: string;
  readonly crc: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  /** Where the member's own header begins. */
  readonly position: number;
  /** Where it ends at the least: its own extra field may make it longer. */
  readonly end: number;
}

/** What is wrong with an archive. */
export class ZipFault extends Error {}

/** The largest checkpoint, BiT-M-R152x4 with its momentum, has some 1,000 members. */
export const MAX_MEMBERS = 20_000;
/** No deflate stream can expand by more. */
export const MAX_DEFLATE_RATIO = 1032;

const END_SIGNATURE = 0x06054b50;
/** Of the record at an archive's end, without its comment. */
export const END_BYTES = 22;
const RECORD_SIGNATURE = 0x02014b50;
/** Of a record of the directory, and of a member's own header, without what follows: names and such. */
export const RECORD_BYTES = 46;
export const LOCAL_HEADER_BYTES = 30;

const decoder = new TextDecoder();

/**
 * The members of an archive, in the directory's order.
 * @throws ZipFault where it is no archive or cut off, has too many members or members that overlap,
 *   or claims sizes that deflate cannot reach
 */
export function readZipRecords(bytes: Uint8Array): ZipRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endRecord(view);
  const count = view.getUint16(end + 10, true);
  const start = view.getUint32(end + 16, true);
  // Counts and offsets that only ZIP64 can hold are beyond these limits as well.
  if (count > MAX_MEMBERS) throw new ZipFault(`claims ${count} members`);
  if (start + view.getUint32(end + 12, true) !== end)
    throw new ZipFault("its directory does not end where it should");
  const records: ZipRecord[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + RECORD_BYTES > end || view.getUint32(at, true) !== RECORD_SIGNATURE)
      throw new ZipFault("its directory is damaged");
    const nameBytes = view.getUint16(at + 28, true);
    const position = view.getUint32(at + 42, true);
    const compressedSize = view.getUint32(at + 20, true);
    const uncompressedSize = view.getUint32(at + 24, true);
    if (uncompressedSize > (compressedSize + 1) * MAX_DEFLATE_RATIO)
      throw new ZipFault(`claims ${uncompressedSize} bytes, packed in ${compressedSize}`);
    const memberEnd = position + LOCAL_HEADER_BYTES + nameBytes + compressedSize;
    const crc = view.getUint32(at + 16, true);
    const name = decoder.decode(bytes.subarray(at + RECORD_BYTES, at + RECORD_BYTES + nameBytes));
    records.push({ name, crc, compressedSize, uncompressedSize, position, end: memberEnd });
    at += RECORD_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  checkApart(records, start);
  return records;
}

/** What shares its bytes with another can make a small archive unpack to any size. */
function checkApart(records: readonly ZipRecord[], directoryStart: number): void {
  let end = directoryStart;
  for (const record of [...records].sort((a, b) => b.position - a.position)) {
    if (record.end > end) throw new ZipFault("a member overlaps another or the directory");
    end = record.position;
  }
}

/** Where the record begins that ends the archive, of which the comment is the only part behind it. */
function endRecord(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_BYTES - 0xffff);
  for (let at = view.byteLength - END_BYTES; at >= first; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  throw new ZipFault("no end of central directory: no ZIP archive, or cut off");
}
