/**
 * `bit-train/archive`: `.npy`, `.npz` and `.safetensors`, tensor by tensor, of any size. No native library
 * is loaded.
 * @module bit-train/archive
 */
export type { ArrayArchive, ArrayEntry, ArrayPlace } from "../archive/array-entry.js";
export { type NumericData, readNpy, writeNpy } from "../archive/npy.js";
export type { NpyEncoding } from "../archive/npy-codec.js";
export { decodeNpzBytes, encodeNpzBytes } from "../archive/npz-bytes.js";
export type { NpzEncoding } from "../archive/npz-encoding.js";
export {
  type NpzEntry,
  type NpzPlace,
  NpzReader,
  type NpzReaderOptions,
} from "../archive/npz-reader.js";
export { writeNpz } from "../archive/npz-writer.js";
export type { ArrayElementType, NamedArray, NumericArray } from "../archive/numeric-array.js";
export { SafetensorsReader } from "../archive/safetensors-reader.js";
export { type SafetensorsTensor, writeSafetensors } from "../archive/safetensors-writer.js";
export { UserError } from "../errors.js";
