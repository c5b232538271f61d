/**
 * The members of a tar archive and where in it they lie, without reading their contents: USTAR, GNU and
 * PAX archives, and those of before POSIX (v7). tar-stream, which unpacks archives, does not tell places.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format".
 */

import type { FileHandle } from "node:fs/promises";
import { readExactly } from "../../disk/file-reading.js";

/** A file in an archive. */
export interface TarMember {
  readonly name: string;
  /** Where its contents begin in the archive. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** An archive that is damaged, or none. */
export class TarFault extends Error {}

const BLOCK_BYTES = 512;
/** PAX records and long names. */
const MOST_EXTENSION_BYTES = 2 ** 20;

/**
 * The regular files of an archive, in order. Links, folders and devices are passed over.
 * @throws TarFault where the archive is damaged, ends early or is none; the system's errors as they come
 */
export async function* tarMembers(file: FileHandle, sizeBytes: number): AsyncGenerator<TarMember> {
  let global = new Map<string, string>();
  let extended = new Map<string, string>();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    // Some writers leave out the two empty blocks at the end.
    if (at === sizeBytes && at > 0) return;
    const header = await bytesAt(file, at, BLOCK_BYTES, sizeBytes);
    if (header.every((byte) => byte === 0)) return;
    checkSum(header, at);
    const type = String.fromCharCode(header[156]!);
    const pax = new Map([...global, ...extended]);
    const isExtension = "xgLK".includes(type);
    const size = isExtension ? numberAt(header, 124, 12) : sizeOf(header, pax);
    const offset = at + BLOCK_BYTES;
    if (offset + size > sizeBytes)
      throw new TarFault(`the file ends within its member at byte ${at}`);
    at = offset + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (isExtension) {
      if (size > MOST_EXTENSION_BYTES) throw new TarFault(`a name of ${size} bytes`);
      const contents = await bytesAt(file, offset, size, sizeBytes);
      if (type === "g") global = new Map([...global, ...paxRecords(contents)]);
      if (type === "x") extended = paxRecords(contents);
      if (type === "L") longName = textIn(contents, 0, contents.length);
      continue;
    }
    if (pax.has("GNU.sparse.major") || type === "S")
      throw new TarFault("a member with holes in it");
    // A folder's name may be marked by its slash alone.
    const name = pax.get("path") ?? longName ?? nameIn(header);
    if (["0", "\0", "7"].includes(type) && !name.endsWith("/"))
      yield { name, offset, sizeBytes: size };
    extended = new Map();
    longName = undefined;
  }
}

async function bytesAt(
  file: FileHandle,
  at: number,
  length: number,
  sizeBytes: number,
): Promise<Uint8Array> {
  if (at + length > sizeBytes) throw new TarFault(`the file ends at byte ${sizeBytes}`);
  const bytes = new Uint8Array(length);
  await readExactly(file, bytes, at);
  return bytes;
}

/** The sum of all bytes, those of the sum itself taken as blanks; some writers took them as signed. */
function checkSum(header: Uint8Array, at: number): void {
  let unsigned = 0;
  let signed = 0;
  header.forEach((byte, i) => {
    const value = i >= 148 && i < 156 ? 32 : byte;
    unsigned += value;
    signed += value < 128 ? value : value - 256;
  });
  const stored = numberAt(header, 148, 8);
  if (stored === unsigned || stored === signed) return;
  throw new TarFault(
    at === 0 ? "no tar archive" : `the checksum of its member at byte ${at} does not match`,
  );
}

function sizeOf(header: Uint8Array, pax: ReadonlyMap<string, string>): number {
  const given = pax.get("size");
  const size = given === undefined ? numberAt(header, 124, 12) : Number(given);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new TarFault(`a member of ${given} bytes`);
}

/** A number in octal digits, or, beyond these, in binary with the first bit set. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if ((field[0]! & 0x80) !== 0) {
    const value = field.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x7f : byte), 0);
    if (!Number.isSafeInteger(value)) throw new TarFault("a number beyond 2^53");
    return value;
  }
  const digits = textIn(field, 0, length).trim();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw new TarFault("no tar archive");
  return Number.parseInt(digits, 8);
}

function nameIn(header: Uint8Array): string {
  const name = textIn(header, 0, 100);
  // Only POSIX's own headers have a prefix there: GNU's have times.
  const isPosix = Buffer.from(header.subarray(257, 263)).toString("latin1") === "ustar\0";
  const prefix = isPosix ? textIn(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Records of `LENGTH KEY=VALUE\n`. */
function paxRecords(contents: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < contents.length; ) {
    const blank = contents.indexOf(32, at);
    const length = Number(textIn(contents, at, Math.max(0, blank - at)));
    if (blank < 0 || !Number.isInteger(length) || length <= blank - at) break;
    const record = Buffer.from(contents.subarray(blank + 1, at + length - 1)).toString("utf8");
    const equals = record.indexOf("=");
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** Text up to the first zero byte. */
function textIn(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}
