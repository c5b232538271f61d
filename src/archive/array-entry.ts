/** What an archive of named arrays is to those who read weights, whatever its format. */
import type { ArrayElementType, NumericArray } from "./numeric-array.js";

/** What an archive says of one array, known without reading its data. */
export interface ArrayEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** The stored type, as the archive's format writes it: `<f4`, `F32`, ... */
  readonly dtype: string;
  readonly elementType: ArrayElementType;
  /** Bytes of data as stored, before compression. */
  readonly sizeBytes: number;
}

/** Where the values of an array lie that needs no conversion: plain float32 in C order. */
export interface ArrayPlace {
  /** The archive's file descriptor, valid until the reader is closed. */
  readonly descriptor: number;
  /** The first value's, in bytes from the archive's beginning. */
  readonly position: number;
  /** CRC-32 of what comes before the values in the member. */
  readonly previousCrc: number;
  /** What it must be after the values; undefined where nothing tells, or the reader does not verify. */
  readonly expectedCrc: number | undefined;
}

/** An open archive. `close` it when done. */
export interface ArrayArchive {
  readonly path: string;
  /** The arrays' names in the archive's order, those included that cannot be read. */
  readonly names: readonly string[];
  /** Whether the archive names this array. */
  has(name: string): boolean;
  /** Shape and type of an array. Throws UserError where it is absent or cannot be read. */
  entry(name: string): ArrayEntry;
  /**
   * One array in a buffer of its own, in C order: float16, bfloat16 and float64 as float32, integers in
   * their own typed arrays, booleans as a Uint8Array of 0 and 1. Calls may overlap.
   * @throws UserError where the array is absent, damaged or not of plain numbers
   */
  read(name: string): Promise<NumericArray>;
  /**
   * Where an array's values can be read as they are; undefined where they must be converted.
   * @throws UserError where the array is absent or cannot be read
   */
  place(name: string): ArrayPlace | undefined;
  /** Closes the files, once reads under way are done. */
  close(): Promise<void>;
}
