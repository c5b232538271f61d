/**
 * Reads .npz archives tensor by tensor with random access: a stored tensor goes from the disk
 * straight into its own buffer, and an archive of any size costs no more memory than the tensor
 * being read.
 */
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { fileKind } from "../disk/file-kind.js";
import { allocate, readExactly } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import type { ArrayArchive, ArrayEntry, ArrayPlace } from "./array-entry.js";
import { crc32 } from "./crc32.js";
import { notAnNpz } from "./not-an-npz.js";
import { arrayFromRaw } from "./npy-codec.js";
import { inspectMember, type Member, STORED } from "./npz-member.js";
import type { NumericArray } from "./numeric-array.js";
import { damageError, openZip, type ZipDirectory } from "./zip-directory.js";
import { isMacMetadata } from "./zip-records.js";

/** What an .npz says of one array, known without reading its data. */
export interface NpzEntry extends ArrayEntry {
  /** Bytes of the member before its data. */
  readonly headerBytes: number;
}

/** Where the values of an array lie that needs no conversion. */
export type NpzPlace = ArrayPlace;

/** How an archive is read. */
export interface NpzReaderOptions {
  /** Compare every array read with its CRC-32 (default true). */
  readonly verify?: boolean;
}

/** What any array may have, and how many times its packed size beyond that. */
const MODEST_BYTES = 64 * 2 ** 20;
const MAX_LARGE_RATIO = 64;

/** Weights shrink to a half or so. A large array that shrinks to nothing is made to fill the memory. */
function refuseBomb({ entry, header }: Member, where: string): void {
  const { compressedSize } = entry;
  if (header.dataBytes <= Math.max(MODEST_BYTES, MAX_LARGE_RATIO * compressedSize)) return;
  throw new UserError(
    where,
    `unpacks to ${header.dataBytes} bytes, from ${compressedSize}`,
    `at most ${MAX_LARGE_RATIO} times as much, or ${MODEST_BYTES} bytes`,
    "if it is meant to be so, save it from Python with np.savez, which packs nothing",
  );
}

/** An open .npz archive. `close` it when done. */
export class NpzReader implements ArrayArchive {
  /** The arrays' names in the archive's order, those included that cannot be read. */
  readonly names: readonly string[];

  private constructor(
    readonly path: string,
    private readonly directory: ZipDirectory,
    private readonly members: ReadonlyMap<string, Member | UserError>,
    private readonly verify: boolean,
  ) {
    this.names = [...members.keys()];
  }

  /**
   * Opens an archive and reads its directory and each array's first bytes. An array that cannot be
   * read (object arrays, encryption, foreign compression) is listed; only asking for it throws.
   *
   * @throws UserError where the file is missing, no .npz, cut off or damaged, holds no array, has
   *   too many members or members that overlap, or names one twice or by a path that leaves the
   *   archive
   */
  static async open(path: string, { verify = true }: NpzReaderOptions = {}): Promise<NpzReader> {
    const directory = await openZip(path);
    try {
      const members = new Map<string, Member | UserError>();
      for (const entry of directory.members) {
        if (!entry.fileName.endsWith(".npy") || isMacMetadata(entry.fileName)) continue;
        const name = entry.fileName.slice(0, -".npy".length);
        members.set(name, await inspectMember(directory, entry, path, whereOf(path, name)));
      }
      if (members.size === 0) throw withoutArrays(path, directory);
      return new NpzReader(path, directory, members, verify);
    } catch (error) {
      await close(directory);
      throw damageError(path, path, error);
    }
  }

  /** Whether the archive names this array. */
  has(name: string): boolean {
    return this.members.has(name);
  }

  /** Shape and type of an array. Throws UserError where it is absent or cannot be read. */
  entry(name: string): NpzEntry {
    const { header } = this.member(name);
    const { shape, dtype, elementType, dataBytes: sizeBytes, headerBytes } = header;
    return { name, shape, dtype, elementType, sizeBytes, headerBytes };
  }

  /**
   * Reads one array into a buffer of its own. float16, bfloat16 and float64 come back as float32, integers in
   * their own typed arrays, booleans as a Uint8Array of 0 and 1; always in C order. Calls may
   * overlap.
   *
   * @throws UserError where the array is absent, damaged or not of plain numbers
   */
  async read(name: string): Promise<NumericArray> {
    const member = this.member(name);
    const where = whereOf(this.path, name);
    refuseBomb(member, where);
    const raw = allocate(member.header.dataBytes, where);
    try {
      const stored = member.entry.compressionMethod === STORED;
      const crc = await (stored ? this.readStored(member, raw) : this.readDeflated(member, raw));
      if (this.verify && crc !== member.entry.crc32) throw new Error("its CRC-32 does not match");
    } catch (error) {
      throw damageError(this.path, where, error);
    }
    return arrayFromRaw(member.header, raw);
  }

  /**
   * Where an array's values can be read as they are, with nothing but a check of their CRC-32;
   * undefined where they are compressed, or not little-endian float32 in C order.
   *
   * @throws UserError where the array is absent or cannot be read
   */
  place(name: string): NpzPlace | undefined {
    const { entry, header, position, headerCrc } = this.member(name);
    const ordered = !header.fortranOrder || header.shape.length <= 1;
    const plain = header.elementType === "f4" && !header.bigEndian && ordered;
    if (entry.compressionMethod !== STORED || !plain) return undefined;
    return {
      descriptor: this.directory.file.handle.fd,
      position: position + header.headerBytes,
      previousCrc: headerCrc,
      expectedCrc: this.verify ? entry.crc32 : undefined,
    };
  }

  /** Closes the file, once reads under way are done. */
  async close(): Promise<void> {
    await close(this.directory);
  }

  private member(name: string): Member {
    const member = this.members.get(name);
    if (member instanceof UserError) throw member;
    if (member) return member;
    throw new UserError(
      this.path,
      `holds no array '${name}'`,
      `one of its ${this.names.length} arrays, the first being '${this.names[0]}'`,
      "check that the archive belongs to the model",
    );
  }

  private async readStored(
    { header, position, headerCrc }: Member,
    raw: ArrayBuffer,
  ): Promise<number> {
    let crc = headerCrc;
    const addToCrc = (chunk: Uint8Array) => {
      crc = crc32(chunk, crc);
    };
    const { handle } = this.directory.file;
    const dataPosition = position + header.headerBytes;
    await readExactly(
      handle,
      new Uint8Array(raw),
      dataPosition,
      this.verify ? addToCrc : undefined,
    );
    return crc;
  }

  private async readDeflated(
    { header, entry, position }: Member,
    raw: ArrayBuffer,
  ): Promise<number> {
    const packed = this.directory.file.chunks(position, position + entry.compressedSize);
    const target = new Uint8Array(raw);
    let crc = 0;
    // Counts from the first byte of data; the header comes before.
    let filled = -header.headerBytes;
    const fill = async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        if (this.verify) crc = crc32(chunk, crc);
        if (filled + chunk.length > target.length)
          throw new Error("it inflates to more than its size");
        target.set(chunk.subarray(Math.max(0, -filled)), Math.max(0, filled));
        filled += chunk.length;
      }
    };
    const inflate = zlib.createInflateRaw({ chunkSize: INFLATE_CHUNK_BYTES });
    await pipeline(packed, inflate, fill);
    if (filled !== target.length) throw new Error("it inflates to less than its size");
    if (inflate.bytesWritten !== entry.compressedSize)
      throw new Error("there are bytes after its end");
    return crc;
  }
}

/** zlib's own 16 KiB would cost a turn of the event loop each. */
const INFLATE_CHUNK_BYTES = 1024 * 1024;

function whereOf(path: string, name: string): string {
  return `${path}, array '${name}'`;
}

function withoutArrays(path: string, { members, start, file }: ZipDirectory): UserError {
  if (fileKind(start)?.id !== "zip") return notAnNpz(path, start, file.sizeBytes);
  const inner = members.find(({ fileName }) => fileName.endsWith(".npz"))?.fileName;
  return new UserError(
    path,
    `a ZIP archive without any .npy (${members.length} members)`,
    "an .npz of arrays, as np.savez writes it",
    inner ? `unpack it, and give the path of ${inner}` : "give the path of an .npz",
  );
}

async function close({ zip, file }: ZipDirectory): Promise<void> {
  zip.close();
  await file.handle.close();
}
