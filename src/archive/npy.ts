/** .npy files on disk. */
import type { FileHandle } from "node:fs/promises";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { allocate, openForReading, readError, readExactly } from "../disk/file-reading.js";
import { arrayFromRaw, type NpyEncoding, npyChunks } from "./npy-codec.js";
import {
  checkNpyLength,
  NPY_PREAMBLE_BYTES,
  type NpyHeader,
  npyHeaderBytes,
  parseNpyHeader,
} from "./npy-header.js";
import type { NumericArray } from "./numeric-array.js";

export { decodeNpy, encodeNpy } from "./npy-codec.js";
export { encodeNpyHeader } from "./npy-header.js";
export type { NamedArray, NumericArray, NumericData } from "./numeric-array.js";

const NEXT_STEP = "give the path of a .npy file, as np.save writes it";

/**
 * Reads a .npy file, its data straight into one buffer. float16, bfloat16 and float64 come back as float32,
 * integers in their own typed arrays, booleans as a Uint8Array of 0 and 1; always in C order.
 *
 * @throws UserError where the file is missing, unreadable, cut off, too long, or does not hold
 *   plain numbers (object arrays, strings, structured arrays)
 */
export async function readNpy(path: string): Promise<NumericArray> {
  return withHeader(path, async (header, handle) => {
    const raw = allocate(header.dataBytes, path);
    await readExactly(handle, new Uint8Array(raw), header.headerBytes);
    return arrayFromRaw(header, raw);
  });
}

/**
 * Reads what a .npy file holds, without its data.
 *
 * @throws UserError as `readNpy`
 */
export async function readNpyHeader(path: string): Promise<Pick<NpyHeader, "shape" | "dtype">> {
  return withHeader(path, async ({ shape, dtype }) => ({ shape, dtype }));
}

async function withHeader<T>(
  path: string,
  read: (header: NpyHeader, handle: FileHandle) => Promise<T>,
): Promise<T> {
  const { handle, sizeBytes } = await openForReading(path, NEXT_STEP);
  try {
    const preamble = new Uint8Array(Math.min(NPY_PREAMBLE_BYTES, sizeBytes));
    await readExactly(handle, preamble, 0);
    const start = new Uint8Array(Math.min(npyHeaderBytes(preamble, path), sizeBytes));
    await readExactly(handle, start, 0);
    const header = parseNpyHeader(start, path);
    checkNpyLength(header, sizeBytes, path);
    return await read(header, handle);
  } catch (error) {
    throw readError(path, error, NEXT_STEP);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a .npy file, byte for byte as np.save does, atomically: complete or not at all.
 *
 * @throws UserError where the disk is full or the folder cannot be written to
 */
export async function writeNpy(
  path: string,
  array: NumericArray,
  encoding: NpyEncoding = {},
): Promise<void> {
  await writeFileAtomically(path, async (append) => {
    for (const chunk of npyChunks(array, path, encoding)) await append(chunk);
  });
}
