/**
 * Small .npz archives in memory: exports to a browser, library users, tests. jszip holds the whole
 * archive several times over and cannot go past 2 GiB, so a limit well below that points to
 * `NpzReader` and `writeNpz`, which stream from and to the disk. Nothing here needs Node.
 */
import JSZip from "jszip";
import { fileKind, isZip } from "../disk/file-kind.js";
import { UserError } from "../errors.js";
import { crc32InJavaScript } from "./crc32-in-javascript.js";
import { notAnNpz } from "./not-an-npz.js";
import { decodeNpy, encodeNpy, npyByteLength } from "./npy-codec.js";
import { type NpzEncoding, nameCheck } from "./npz-encoding.js";
import type { NamedArray, NumericArray } from "./numeric-array.js";
import { isMacMetadata, readZipRecords, withPlainEnd, type ZipRecord } from "./zip-records.js";

/** The most bytes of arrays, and of archive, that are handled in memory: 512 MiB. */
export const MAX_NPZ_BYTES = 512 * 1024 * 1024;

const WHERE = "npz in memory";

/**
 * Encodes arrays as an .npz, as `writeNpz` does on disk. Equal contents give equal bytes.
 *
 * @throws UserError beyond `MAX_NPZ_BYTES` and for a finite value beyond float16; Error for a bad or
 *   repeated name
 */
export async function encodeNpzBytes(
  arrays: Iterable<NamedArray>,
  encoding: NpzEncoding = {},
): Promise<Uint8Array> {
  const zip = new JSZip();
  const checkName = nameCheck();
  let totalBytes = 0;
  for (const { name, array } of arrays) {
    checkName(name);
    totalBytes += npyByteLength(array, encoding);
    if (totalBytes > MAX_NPZ_BYTES)
      throw tooLarge(totalBytes, "write it to a file with writeNpz(path, entries)");
    zip.file(`${name}.npy`, encodeNpy(array, `${WHERE}, array '${name}'`, encoding), {
      // jszip writes UTC; this is numpy's timestamp.
      date: new Date(Date.UTC(1980, 0, 1)),
      createFolders: false,
    });
  }
  return zip.generateAsync({
    type: "uint8array",
    compression: encoding.compress ? "DEFLATE" : "STORE",
  });
}

/**
 * Decodes an .npz held in memory: names without `.npy`, in the archive's order, arrays converted as
 * `decodeNpy` does. Checksums are verified.
 *
 * @throws UserError where the bytes are no .npz, are cut off or damaged, hold something other than
 *   plain numbers, or are larger than `MAX_NPZ_BYTES`, packed or unpacked
 */
export async function decodeNpzBytes(bytes: Uint8Array): Promise<Map<string, NumericArray>> {
  const nextStep = "open it from disk with NpzReader.open(path), which reads array by array";
  if (bytes.length > MAX_NPZ_BYTES) throw tooLarge(bytes.length, nextStep);
  if (!isZip(bytes) || fileKind(bytes)?.id === "pytorch")
    throw notAnNpz(WHERE, bytes, bytes.length, { nextStep });
  const { members, records } = await load(bytes);
  let totalBytes = 0;
  for (const { uncompressedSize } of records.values()) totalBytes += uncompressedSize;
  if (totalBytes > MAX_NPZ_BYTES) throw tooLarge(totalBytes, nextStep);
  const arrays = new Map<string, NumericArray>();
  for (const member of members) {
    if (member.dir || !member.name.endsWith(".npy") || isMacMetadata(member.name)) continue;
    const record = records.get(member.name);
    if (record === undefined) throw damaged(`it has two names for '${member.name}'`);
    const contents = await unpack(member, record);
    const name = member.name.slice(0, -".npy".length);
    arrays.set(name, decodeNpy(contents, `${WHERE}, array '${name}'`));
  }
  if (arrays.size === 0) throw damaged("no .npy in it");
  return arrays;
}

/** The archive's members, and what its directory says of each, by name. */
async function load(
  bytes: Uint8Array,
): Promise<{ members: JSZip.JSZipObject[]; records: Map<string, ZipRecord> }> {
  let zip: JSZip;
  let records: ZipRecord[];
  try {
    records = readZipRecords(bytes);
    // Not with jszip's check of CRC-32, which inflates everything, to whatever size.
    zip = await JSZip.loadAsync(withPlainEnd(bytes));
  } catch (error) {
    throw damaged((error as Error).message.split(", see https://")[0]!, error);
  }
  const members = Object.values(zip.files);
  const moved = members.find(
    ({ name, unsafeOriginalName }) => (unsafeOriginalName ?? name) !== name,
  );
  if (moved) throw damaged(`a member's name leaves the archive: '${moved.unsafeOriginalName}'`);
  // jszip keeps the last of several members of one name, and says nothing.
  if (members.length !== records.length) throw damaged("it names a member twice");
  return { members, records: new Map(records.map((record) => [record.name, record])) };
}

/** A member's contents. Stops as soon as they pass the size that the directory says. */
async function unpack(
  member: JSZip.JSZipObject,
  { crc, uncompressedSize }: ZipRecord,
): Promise<Uint8Array> {
  const contents = await inflate(member, uncompressedSize);
  if (contents?.length !== uncompressedSize)
    throw damaged(`'${member.name}' does not have the size that the archive says`);
  if (crc32InJavaScript(contents) !== crc)
    throw damaged(`the CRC-32 of '${member.name}' does not match`);
  return contents;
}

/** Undefined for more than so many bytes. */
function inflate(member: JSZip.JSZipObject, limitBytes: number): Promise<Uint8Array | undefined> {
  // Documented, but missing from jszip's types; `async` would unpack everything before telling.
  const streamable = member as JSZip.JSZipObject & {
    internalStream(type: "uint8array"): JSZip.JSZipStreamHelper<Uint8Array>;
  };
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let totalBytes = 0;
    const stream = streamable.internalStream("uint8array");
    stream
      .on("data", (chunk) => {
        totalBytes += chunk.length;
        if (totalBytes <= limitBytes) return chunks.push(chunk);
        stream.pause();
        resolve(undefined);
      })
      .on("error", (error) => reject(damaged(error.message, error)))
      .on("end", () => resolve(concatenate(chunks, totalBytes)))
      .resume();
  });
}

function concatenate(chunks: readonly Uint8Array[], totalBytes: number): Uint8Array {
  const bytes = new Uint8Array(totalBytes);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}

function tooLarge(sizeBytes: number, nextStep: string): UserError {
  return new UserError(
    WHERE,
    `${sizeBytes} bytes or more`,
    `at most ${MAX_NPZ_BYTES} bytes`,
    nextStep,
  );
}

function damaged(got: string, cause?: unknown): UserError {
  const nextStep = "copy, download or save the archive again";
  return new UserError(WHERE, got, "an intact .npz of arrays, as np.savez writes it", nextStep, {
    cause,
  });
}
