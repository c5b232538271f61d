/**
 * .npy contents to arrays and back, in memory; nothing here knows files or Node, so that it runs
 * in a browser too.
 *
 * npyjs reads whole small files (`decodeNpy`). It ignores a view's offset, takes the header on
 * trust, reads data to the end of the buffer, wants them aligned, and leaves byte order and
 * Fortran order to the caller. So it only sees what `parseNpyHeader` has passed, set anew behind a
 * canonical aligned header, in a buffer of exactly the right length; big-endian and Fortran-ordered
 * arrays and booleans go through `arrayFromRaw`, as do the tensors that are read from disk straight
 * into their own buffer. Its `dump` is not used: its headers differ from numpy's.
 */
import { parse as npyjsParse } from "npyjs";
import { UserError } from "../errors.js";
import {
  bfloat16ToFloat32,
  firstBeyondFloat16,
  float16ToFloat32,
  float32ToFloat16,
} from "./float16.js";
import { checkNpyLength, encodeNpyHeader, type NpyHeader, parseNpyHeader } from "./npy-header.js";
import {
  type ArrayElementType,
  elementTypeOf,
  type NumericArray,
  type NumericData,
} from "./numeric-array.js";
import { sizeOf } from "./shape.js";

/** How arrays are stored. */
export interface NpyEncoding {
  /**
   * Store float32 arrays as float16 (nearest even), at half the size and with some three decimal
   * digits. Other types stay as they are.
   */
  readonly float16?: boolean;
}

/**
 * Interprets the data part of a .npy. `raw` holds exactly `header.dataBytes` bytes and belongs to
 * the result from here on: where no conversion is needed the returned array is a view on all of it.
 * float16, bfloat16 and float64 come back as float32 (float64 rounded to nearest), booleans as 0 and 1 in a
 * Uint8Array, big-endian values in the machine's (little-endian) order, Fortran order as C order.
 */
export function arrayFromRaw(header: NpyHeader, raw: ArrayBuffer): NumericArray {
  if (header.bigEndian) swapBytes(raw, header.itemSizeBytes);
  const ordered = header.fortranOrder && header.shape.length > 1 ? toRowMajor(raw, header) : raw;
  return { shape: header.shape, data: typedView(ordered, header.elementType) };
}

/**
 * Decodes one whole .npy in memory. The result has its own buffer, of exactly the data's length.
 *
 * @param where name of the file or array, for messages
 * @throws UserError for anything but a well-formed .npy of plain numbers of exactly this length
 */
export function decodeNpy(bytes: Uint8Array, where: string): NumericArray {
  const header = parseNpyHeader(bytes, where);
  checkNpyLength(header, bytes.length, where);
  const data = bytes.subarray(header.headerBytes);
  const foreign = header.elementType === "b1" || header.elementType === "V2";
  if (header.bigEndian || header.fortranOrder || foreign)
    return arrayFromRaw(header, new Uint8Array(data).buffer);
  const canonical = encodeNpyHeader(`<${header.elementType}`, header.shape);
  const exact = new Uint8Array(canonical.length + data.length);
  exact.set(canonical);
  exact.set(data, canonical.length);
  const parsed = npyjsParse(exact.buffer).data as NumericData;
  return {
    shape: header.shape,
    data: parsed instanceof Float64Array ? new Float32Array(parsed) : parsed.slice(),
  };
}

/**
 * Encodes one array as a .npy, byte for byte as numpy's np.save does.
 *
 * @param where name of the file or array, for messages
 * @throws UserError where `float16` is asked for and a finite value lies beyond its range
 */
export function encodeNpy(
  array: NumericArray,
  where: string,
  encoding: NpyEncoding = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(npyByteLength(array, encoding));
  let position = 0;
  for (const chunk of npyChunks(array, where, encoding)) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}

/** Length of the .npy that `npyChunks` yields, header included. */
export function npyByteLength(array: NumericArray, encoding: NpyEncoding = {}): number {
  const { dtype, itemSizeBytes } = storedAs(array, encoding);
  return encodeNpyHeader(dtype, array.shape).length + array.data.length * itemSizeBytes;
}

const CHUNK_ELEMENTS = 256 * 1024;

/**
 * The .npy of an array in pieces: the header, then copies of at most 2 MiB of the data, so that a
 * large tensor is never held twice and may be overwritten once the last piece is taken.
 *
 * @throws UserError as `encodeNpy`; RangeError where shape and data disagree (a caller's bug)
 */
export function* npyChunks(
  array: NumericArray,
  where: string,
  encoding: NpyEncoding = {},
): Generator<Uint8Array<ArrayBuffer>> {
  const { dtype } = storedAs(array, encoding);
  yield encodeNpyHeader(dtype, array.shape);
  yield* dataChunks(array, where, encoding);
}

/**
 * The values of an array as they are stored, in copies of at most 2 MiB, little-endian and row-major.
 *
 * @throws UserError and RangeError as `npyChunks`
 */
export function* dataChunks(
  array: NumericArray,
  where: string,
  encoding: NpyEncoding = {},
): Generator<Uint8Array<ArrayBuffer>> {
  const { shape, data } = array;
  if (sizeOf(shape) !== data.length)
    throw new RangeError(`${where}: ${data.length} elements do not fill the shape (${shape})`);
  const { dtype } = storedAs(array, encoding);
  for (let start = 0; start < data.length; start += CHUNK_ELEMENTS) {
    const chunk = data.subarray(start, start + CHUNK_ELEMENTS);
    if (dtype === "<f2" && chunk instanceof Float32Array) {
      checkFloat16Range(chunk, start, where);
      yield new Uint8Array(float32ToFloat16(chunk).buffer as ArrayBuffer);
    } else yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice();
  }
}

function checkFloat16Range(chunk: Float32Array, start: number, where: string): void {
  const beyond = firstBeyondFloat16(chunk);
  if (beyond === undefined) return;
  throw new UserError(
    where,
    `${chunk[beyond]} at element ${start + beyond}`,
    "magnitudes up to 65504, the largest that float16 holds",
    "store this archive as float32",
  );
}

function storedAs(array: NumericArray, encoding: NpyEncoding) {
  const own = elementTypeOf(array.data);
  const type = encoding.float16 && own === "f4" ? "f2" : own;
  const itemSizeBytes = Number(type[1]);
  return { dtype: `${itemSizeBytes === 1 ? "|" : "<"}${type}`, itemSizeBytes };
}

/**
 * The values in `raw`, little-endian, whose bytes belong to the result from here on: float16, bfloat16
 * and float64 as float32 (float64 rounded to nearest), booleans as 0 and 1 in a Uint8Array.
 */
export function typedView(raw: ArrayBuffer, elementType: ArrayElementType): NumericData {
  switch (elementType) {
    case "f2":
      return float16ToFloat32(new Uint16Array(raw));
    case "V2":
      return bfloat16ToFloat32(new Uint16Array(raw));
    case "f4":
      return new Float32Array(raw);
    case "f8":
      return new Float32Array(new Float64Array(raw));
    case "i1":
      return new Int8Array(raw);
    case "u1":
      return new Uint8Array(raw);
    case "b1":
      // Only 0 and 1 mean anything; a file may hold others.
      return new Uint8Array(raw).map((byte) => (byte === 0 ? 0 : 1));
    case "i2":
      return new Int16Array(raw);
    case "u2":
      return new Uint16Array(raw);
    case "i4":
      return new Int32Array(raw);
    case "u4":
      return new Uint32Array(raw);
    case "i8":
      return new BigInt64Array(raw);
    case "u8":
      return new BigUint64Array(raw);
  }
}

/** Reverses the bytes of each item in place. */
function swapBytes(raw: ArrayBuffer, itemSizeBytes: number): void {
  const bytes = new Uint8Array(raw);
  for (let start = 0; start < bytes.length; start += itemSizeBytes) {
    for (let low = start, high = start + itemSizeBytes - 1; low < high; low++, high--) {
      const kept = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = kept;
    }
  }
}

/** Rearranges Fortran order (first axis fastest) into C order (last axis fastest). */
function toRowMajor(raw: ArrayBuffer, { shape, itemSizeBytes }: NpyHeader): ArrayBuffer {
  const result = new ArrayBuffer(raw.byteLength);
  // Items of 8 bytes move as two words: through floats a NaN's bits might change.
  const words = itemSizeBytes === 8 ? 2 : 1;
  const [source, target] = [raw, result].map((buffer) => {
    if (itemSizeBytes === 1) return new Uint8Array(buffer);
    return itemSizeBytes === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
  }) as [Uint32Array, Uint32Array];

  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)) * words);
  const lastAxis = shape.length - 1;
  const [rowLength, rowStride] = [shape[lastAxis]!, strides[lastAxis]!];
  const index = shape.map(() => 0);
  let rowStart = 0;
  for (let out = 0; out < target.length; ) {
    for (let column = 0, from = rowStart; column < rowLength; column++, from += rowStride)
      for (let word = 0; word < words; word++) target[out++] = source[from + word]!;
    // Step to the next row: count up the leading axes like an odometer, the last of them fastest.
    for (let axis = lastAxis - 1; axis >= 0; axis--) {
      rowStart += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      rowStart -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
