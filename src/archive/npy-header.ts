/**
 * The header of a .npy file, versions 1 to 3: magic, version, length, then a Python dictionary
 * literal with exactly `descr`, `fortran_order` and `shape`.
 * Source: numpy/lib/format.py. Everything a file claims is checked here, before a byte is
 * allocated for it; the code after this point may trust the header.
 */
import { UserError } from "../errors.js";
import { type ArrayElementType, isElementType } from "./numeric-array.js";
import { sizeOf } from "./shape.js";

/** What a checked header says. */
export interface NpyHeader {
  /** As the file has it, for people: `<f4`, `>f8`, `|u1`. */
  readonly dtype: string;
  readonly elementType: ArrayElementType;
  readonly itemSizeBytes: number;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Bytes before the data: magic, version, length and dictionary. */
  readonly headerBytes: number;
  /** Bytes of data, the product of the shape times the item size. */
  readonly dataBytes: number;
}

/** The first bytes from which `npyHeaderBytes` can tell how long the header is. */
export const NPY_PREAMBLE_BYTES = 12;

/**
 * The longest header that is read, preamble included. Number arrays need some 128 bytes; numpy
 * itself stops at 10,000.
 */
export const MAX_NPY_HEADER_BYTES = 65_536;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_RANK = 64;
const EXPECTED =
  "a .npy of plain numbers (float16/32/64, bfloat16, integers or booleans), as np.save writes";
const SAVE_AGAIN = "save it again from Python: np.save(path, np.asarray(array, dtype=np.float32))";

/**
 * Length in bytes of the whole header (preamble and dictionary), read from the first
 * `NPY_PREAMBLE_BYTES` of a file. Throws UserError where the file is not a .npy, of an unknown
 * version, or claims an absurd header.
 */
export function npyHeaderBytes(bytes: Uint8Array, where: string): number {
  if (bytes.length < NPY_PREAMBLE_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new UserError(
      where,
      "not a .npy file (it does not begin with \\x93NUMPY)",
      EXPECTED,
      SAVE_AGAIN,
    );
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3 || minor !== 0)
    throw new UserError(
      where,
      `.npy format version ${major}.${minor}`,
      "version 1.0, 2.0 or 3.0",
      SAVE_AGAIN,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = major === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (headerBytes > MAX_NPY_HEADER_BYTES)
    throw new UserError(
      where,
      `a .npy header of ${headerBytes} bytes`,
      `at most ${MAX_NPY_HEADER_BYTES}`,
      SAVE_AGAIN,
    );
  return headerBytes;
}

/**
 * Parses and checks a header. `bytes` begins at the file's first byte and may run on into the
 * data. Throws UserError for anything but a well-formed header of plain numbers.
 */
export function parseNpyHeader(bytes: Uint8Array, where: string): NpyHeader {
  const headerBytes = npyHeaderBytes(bytes, where);
  if (bytes.length < headerBytes)
    throw new UserError(
      where,
      `ends within its header (${bytes.length} of ${headerBytes} bytes)`,
      EXPECTED,
      SAVE_AGAIN,
    );
  const dictionaryStart = bytes[6] === 1 ? 10 : 12;
  const text = new TextDecoder("latin1").decode(bytes.subarray(dictionaryStart, headerBytes));
  const fields = parseDictionary(text, where);
  const dtype = fields.descr.slice(1, -1);
  const { elementType, itemSizeBytes, bigEndian } = parseDtype(dtype, where);
  const shape = parseShape(fields.shape, itemSizeBytes, where);
  return {
    dtype,
    elementType,
    itemSizeBytes,
    bigEndian,
    fortranOrder: fields.fortran_order === "True",
    shape,
    headerBytes,
    dataBytes: sizeOf(shape) * itemSizeBytes,
  };
}

/** Throws UserError unless header and data together are exactly `totalBytes` long. */
export function checkNpyLength(header: NpyHeader, totalBytes: number, where: string): void {
  const expected = header.headerBytes + header.dataBytes;
  if (totalBytes === expected) return;
  throw new UserError(
    where,
    `${totalBytes} bytes, ${totalBytes < expected ? "too few" : "too many"} for shape (${header.shape}) of ${header.dtype}`,
    `${expected} bytes`,
    totalBytes < expected
      ? "the file is cut off: copy, download or save it again"
      : "keep one array per .npy file, saved with np.save",
  );
}

/**
 * Header of a C-ordered .npy, byte for byte as numpy writes it: version 1.0, room for the first
 * axis to grow in place, filled with spaces so that the data begin at a multiple of 64 bytes.
 *
 * @param dtype numpy's description: `<f4`, `<f2`, `|u1`, ...
 */
export function encodeNpyHeader(dtype: string, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  // numpy leaves space for 21 digits of the axis along which np.save appends (numpy >= 1.24).
  const growth = shape.length > 0 ? 21 - String(shape[0]).length : 0;
  const dictionary = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${tuple}, }${" ".repeat(growth)}`;
  // numpy pads by 64 where the length is a multiple already; being equal matters more than 64 bytes.
  const padding = 64 - ((10 + dictionary.length + 1) % 64);
  const text = `${dictionary}${" ".repeat(padding)}\n`;
  const header = new Uint8Array(10 + text.length);
  header.set([...MAGIC, 1, 0, text.length & 0xff, text.length >>> 8]);
  new TextEncoder().encodeInto(text, header.subarray(10));
  return header;
}

/** For messages: short, without control characters, and no view that would keep all of `text`. */
function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}

type Field = "descr" | "fortran_order" | "shape";

const PAIR =
  /(['"])(descr|fortran_order|shape)\1\s*:\s*('[^'\\]*'|"[^"\\]*"|True|False|\([-\dL,\s]*\))/;
const DICTIONARY = new RegExp(String.raw`^\s*\{\s*(?:${PAIR.source}\s*(?:,|(?=\}))\s*){3}\}\s*$`);

/** The three values as they stand in the text; a general Python parser is not wanted here. */
function parseDictionary(text: string, where: string): Record<Field, string> {
  if (/['"]descr['"]\s*:\s*\[/.test(text))
    throw new UserError(where, "a structured array (named fields)", EXPECTED, SAVE_AGAIN);
  const fields = new Map<string, string>();
  if (DICTIONARY.test(text))
    for (const match of text.matchAll(new RegExp(PAIR, "g"))) fields.set(match[2]!, match[3]!);
  const [descr, order, shape] = ["descr", "fortran_order", "shape"].map(
    (key) => fields.get(key) ?? "",
  );
  if (!/^['"]/.test(descr!) || !/^(True|False)$/.test(order!) || !shape!.startsWith("("))
    throw new UserError(where, `the header ${excerpt(text.trim())}`, EXPECTED, SAVE_AGAIN);
  return { descr: descr!, fortran_order: order!, shape: shape! };
}

const REFUSED: Readonly<Record<string, string>> = {
  O: "an object array (Python pickles, which could run any code when read)",
  S: "an array of byte strings",
  a: "an array of byte strings",
  U: "an array of strings",
  V: "an array of raw bytes (of two bytes each they are read as bfloat16)",
  f: "an array of floats that are neither of 2, 4 nor 8 bytes (float8, long double)",
  M: "an array of dates",
  m: "an array of time spans",
  c: "an array of complex numbers",
};

function parseDtype(dtype: string, where: string) {
  const match = /^([<>|=]?)([A-Za-z])(.*)$/.exec(dtype);
  const code = `${match?.[2]}${match?.[3]}`;
  if (!match || !isElementType(code)) {
    const kind = REFUSED[match?.[2] ?? ""] ?? "an array of a type that is not read";
    throw new UserError(where, `${kind}: dtype ${excerpt(dtype)}`, EXPECTED, SAVE_AGAIN);
  }
  const itemSizeBytes = Number(match[3]);
  return { elementType: code, itemSizeBytes, bigEndian: match[1] === ">" && itemSizeBytes > 1 };
}

function parseShape(text: string, itemSizeBytes: number, where: string): number[] {
  const refuse = (got: string): never => {
    throw new UserError(
      where,
      `${got}: ${excerpt(text)}`,
      "a tuple of lengths of 0 or more",
      SAVE_AGAIN,
    );
  };
  // Python 2 wrote long integers as 3L.
  if (!/^\(\s*(?:(?:-?\d+L?\s*,\s*)+(?:-?\d+L?\s*)?)?\)$/.test(text))
    refuse("a shape that is no tuple");
  const shape = [...text.matchAll(/-?\d+/g)].map(([digits]) => Number(digits));
  if (shape.some((length) => length < 0)) refuse("a negative length in the shape");
  if (shape.length > MAX_RANK) refuse(`a shape of ${shape.length} axes`);
  // A zero axis must not hide an absurd one, so the product is taken over the others.
  const product = sizeOf(shape.filter((length) => length > 0)) * itemSizeBytes;
  if (!Number.isSafeInteger(product)) refuse("a shape whose size overflows");
  return shape;
}
