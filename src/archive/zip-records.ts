/**
 * What a ZIP archive in memory says of its members, read and checked before anything is inflated.
 * jszip itself takes all of it on trust. Nothing here needs Node.
 *
 * Source: PKWARE APPNOTE 6.3, sections 4.3.12 to 4.3.16 and 4.5.3.
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

/** The most zero bytes that may follow an archive: tape and block writers fill up their last block. */
export const MAX_PADDING_BYTES = 2 ** 20;
/** So many of a file's last bytes hold an archive's end: its record, the longest comment, padding. */
export const TAIL_BYTES = 22 + 0xffff + MAX_PADDING_BYTES;

const END_SIGNATURE = 0x06054b50;
const END64_SIGNATURE = 0x06064b50;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
/** Of the extra field in which a record has what 32 bits do not hold. */
const ZIP64_FIELD = 1;
/** What stands for such a value. */
const WIDE = 0xffffffff;
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
  const { count, start, end } = directoryIn(view);
  const records: ZipRecord[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + RECORD_BYTES > end || view.getUint32(at, true) !== RECORD_SIGNATURE)
      throw new ZipFault("its directory is damaged");
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + RECORD_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > end) throw new ZipFault("its directory is damaged");
    const wide = wideValues(view, at + RECORD_BYTES + nameBytes, extraBytes);
    const value = (offset: number): number => {
      const narrow = view.getUint32(at + offset, true);
      return narrow === WIDE ? (wide.shift() ?? narrow) : narrow;
    };
    // In the order in which the extra field has those that do not fit.
    const uncompressedSize = value(24);
    const compressedSize = value(20);
    const position = value(42);
    if (uncompressedSize > (compressedSize + 1) * MAX_DEFLATE_RATIO)
      throw new ZipFault(`claims ${uncompressedSize} bytes, packed in ${compressedSize}`);
    const memberEnd = position + LOCAL_HEADER_BYTES + nameBytes + compressedSize;
    const crc = view.getUint32(at + 16, true);
    const name = decoder.decode(bytes.subarray(at + RECORD_BYTES, at + RECORD_BYTES + nameBytes));
    records.push({ name, crc, compressedSize, uncompressedSize, position, end: memberEnd });
    at = next;
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

/**
 * An archive in memory with the plain end that its size allows, and without what follows it: jszip
 * takes a ZIP64 end beside one that is not full for bytes in front of the archive.
 */
export function withPlainEnd(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start, end } = directoryIn(view);
  const record = endRecord(bytes)!;
  if (end === record.start) return bytes.subarray(0, record.end);
  const plain = new Uint8Array(end + END_BYTES);
  plain.set(bytes.subarray(0, end));
  const made = new DataView(plain.buffer, end);
  made.setUint32(0, END_SIGNATURE, true);
  made.setUint16(8, count, true);
  made.setUint16(10, count, true);
  made.setUint32(12, end - start, true);
  made.setUint32(16, start, true);
  return plain;
}

/** Where the directory lies and how many members it has, by the archive's end, ZIP64 or not. */
function directoryIn(view: DataView): { count: number; start: number; end: number } {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const at = endRecord(bytes)?.start;
  if (at === undefined)
    throw new ZipFault("no end of central directory: no ZIP archive, or cut off");
  const locator = at - LOCATOR_BYTES;
  const isWide = locator >= 0 && view.getUint32(locator, true) === LOCATOR_SIGNATURE;
  const end = isWide ? Number(view.getBigUint64(locator + 8, true)) : at;
  if (isWide && (end + END64_BYTES > locator || view.getUint32(end, true) !== END64_SIGNATURE))
    throw new ZipFault("its ZIP64 end is damaged");
  const count = isWide ? Number(view.getBigUint64(end + 32, true)) : view.getUint16(at + 10, true);
  const size = isWide ? Number(view.getBigUint64(end + 40, true)) : view.getUint32(at + 12, true);
  const start = isWide ? Number(view.getBigUint64(end + 48, true)) : view.getUint32(at + 16, true);
  if (count > MAX_MEMBERS) throw new ZipFault(`claims ${count} members`);
  if (start + size !== end) throw new ZipFault("its directory does not end where it should");
  return { count, start, end };
}

/** The values of a record that 32 bits do not hold. */
function wideValues(view: DataView, start: number, extraBytes: number): number[] {
  const values: number[] = [];
  const end = start + extraBytes;
  for (let at = start; at + 4 <= end; ) {
    const size = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === ZIP64_FIELD)
      for (let i = at + 4; i + 8 <= Math.min(end, at + 4 + size); i += 8)
        values.push(Number(view.getBigUint64(i, true)));
    at += 4 + size;
  }
  return values;
}

/**
 * The record that ends an archive, of which its comment is a part: only zero bytes may follow.
 * @param tail the file's last `TAIL_BYTES` bytes, or all of it
 * @returns where in `tail` the record starts, and where the archive ends; undefined where there is none
 */
export function endRecord(tail: Uint8Array): { start: number; end: number } | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  // Behind this there are only zeros.
  let used = tail.length;
  while (used > 0 && tail[used - 1] === 0) used--;
  const first = Math.max(0, used - END_BYTES - 0xffff);
  for (let start = tail.length - END_BYTES; start >= first; start--) {
    if (view.getUint32(start, true) !== END_SIGNATURE) continue;
    const end = start + END_BYTES + view.getUint16(start + 20, true);
    if (end > tail.length || end < used || tail.length - end > MAX_PADDING_BYTES) continue;
    return { start, end };
  }
  return undefined;
}

/** Whether a member is what macOS keeps beside each file of an archive: it holds no array. */
export function isMacMetadata(name: string): boolean {
  return /(^|\/)(__MACOSX\/|\._[^/]*$)/.test(name);
}
