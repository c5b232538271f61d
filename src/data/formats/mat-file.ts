/**
 * Arrays out of a MATLAB level-5 file, as Octave's and MATLAB's `save -v6` and `-v7` and SciPy write
 * it: numbers, text, and structs of these. What else a file may hold is passed over.
 *
 * Source: MathWorks, "MAT-File Format", chapter 1, "Level 5 MAT-File Format".
 */
import { sizeOf } from "../../archive/shape.js";
import { fileKind, KIND_BYTES } from "../../disk/file-kind.js";
import {
  type Element,
  ElementReader,
  isBeyondDoubles,
  MAX_UNPACKED_BYTES,
  MatError,
  MI,
  type Numbers,
  numbersOf,
  textOf,
  unpackElement,
} from "./mat-element.js";

export { MatError } from "./mat-element.js";

/** An array of numbers, first index fastest (Fortran order). */
export interface MatNumbers {
  readonly kind: "numbers";
  readonly shape: readonly number[];
  readonly values: Numbers;
}

export interface MatText {
  readonly kind: "text";
  /** The rows of an array of several are parted by newlines. */
  readonly text: string;
}

/** An array of structs: for each, its fields by name. */
export interface MatStructs {
  readonly kind: "structs";
  readonly shape: readonly number[];
  readonly elements: readonly ReadonlyMap<string, MatValue>[];
}

/** What is not read here: cells, objects, sparse and complex arrays, whole numbers beyond 2^53. */
export interface MatOther {
  readonly kind: "other";
}

export type MatValue = MatNumbers | MatText | MatStructs | MatOther;

const HEADER_BYTES = 128;
const MAX_DIMENSIONS = 8;
/** Structs within structs. */
const MAX_DEPTH = 4;
/** ImageNet's meta.mat has 15,000. Each takes some 200 bytes of memory, but may take 8 in the file. */
const MAX_ARRAYS = 250_000;
const MAX_NAME_BYTES = 255;

/** Classes of arrays, by the format's names. */
const MX = { STRUCT: 2, CHAR: 4, DOUBLE: 6, UINT64: 15, OPAQUE: 17 } as const;
/** Dimensions and names as MATLAB writes them, and as some other programs do. */
const SIZE_TYPES = [MI.INT32, MI.UINT32];
const NAME_TYPES = [MI.INT8, MI.UTF8];
const COMPLEX_FLAG = 0x0800;

/**
 * The variables of a file, by name.
 * @param bytes the whole file
 * @throws MatError if it is no such file, or damaged
 */
export async function readMat(bytes: Uint8Array): Promise<Map<string, MatValue>> {
  checkHeader(bytes);
  const variables = new Map<string, MatValue>();
  const elements = new ElementReader(bytes, HEADER_BYTES);
  const budget = { arrays: MAX_ARRAYS };
  let unpackedBytes = 0;
  while (!elements.atEnd) {
    let element = elements.next();
    if (element.type === MI.COMPRESSED) {
      element = await unpackElement(element.bytes, MAX_UNPACKED_BYTES - unpackedBytes);
      unpackedBytes += element.bytes.length;
    }
    if (element.type !== MI.MATRIX) continue;
    const { name, value } = readMatrix(element, 0, budget);
    variables.set(name, value);
  }
  return variables;
}

/** How many more arrays a file may have. */
interface Budget {
  arrays: number;
}

function checkHeader(bytes: Uint8Array): void {
  const start = Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString("latin1");
  const kind = fileKind(bytes.subarray(0, KIND_BYTES));
  // A file of version 7.3 is one of HDF5 behind a header like this one's.
  if (start.startsWith("MATLAB 7.3") || kind?.id === "hdf5")
    throw new MatError("a MATLAB file of version 7.3 (HDF5); save it with -v7", {
      next: "in MATLAB or Octave: save('-v7', FILE, ...)",
    });
  if (bytes.length >= HEADER_BYTES && start.endsWith("\x00\x01IM")) return;
  if (start.endsWith("\x01\x00MI")) throw new MatError("a big-endian MATLAB file");
  const what = kind === undefined || kind.id === "mat" ? "" : `; it is ${kind.name}`;
  throw new MatError(`not a MATLAB level-5 file${what}`, {
    ...(kind?.remedy !== undefined && { next: kind.remedy }),
  });
}

function readMatrix(
  { bytes }: Element,
  depth: number,
  budget: Budget,
): { name: string; value: MatValue } {
  budget.arrays -= 1;
  if (budget.arrays < 0) throw new MatError(`more than ${MAX_ARRAYS} arrays`);
  // A field that was never set may be written without anything in it.
  if (bytes.length === 0) return { name: "", value: { kind: "other" } };
  const parts = new ElementReader(bytes);
  const flags = parts.expect(MI.UINT32, "array flags");
  if (flags.length !== 8) throw new MatError(`array flags of ${flags.length} bytes`);
  const mxClass = flags[0]!;
  const isComplex = ((flags[1]! << 8) & COMPLEX_FLAG) !== 0;
  // MATLAB's newer objects, its strings among them, have no dimensions of their own.
  if (mxClass === MX.OPAQUE) return { name: readName(parts), value: { kind: "other" } };
  const { shape, count } = readShape(parts);
  const name = readName(parts);
  if (mxClass === MX.CHAR)
    return { name, value: { kind: "text", text: byRows(textOf(parts.next()), shape) } };
  if (mxClass === MX.STRUCT) {
    if (depth >= MAX_DEPTH) throw new MatError("structs within structs within structs");
    const elements = readStructs(parts, count, depth, budget);
    return { name, value: { kind: "structs", shape, elements } };
  }
  if (mxClass < MX.DOUBLE || mxClass > MX.UINT64 || isComplex)
    return { name, value: { kind: "other" } };
  const numbers = parts.next();
  if (isBeyondDoubles(numbers)) return { name, value: { kind: "other" } };
  const values = numbersOf(numbers);
  if (values.length !== count)
    throw new MatError(`${name || "an array"} of [${shape}] has ${values.length} values`);
  return { name, value: { kind: "numbers", shape, values } };
}

function readName(parts: ElementReader): string {
  const bytes = parts.expect(NAME_TYPES, "array names");
  if (bytes.length > MAX_NAME_BYTES) throw new MatError(`a name of ${bytes.length} bytes`);
  return textOf({ type: MI.INT8, bytes });
}

/** Characters lie column by column, as numbers do. */
function byRows(text: string, shape: readonly number[]): string {
  const [rows = 0, columns = 0] = shape;
  if (rows < 2 || shape.length !== 2 || text.length !== rows * columns) return text;
  const row = (from: number) =>
    Array.from({ length: columns }, (_, column) => text[from + column * rows]).join("");
  return Array.from({ length: rows }, (_, from) => row(from)).join("\n");
}

function readShape(parts: ElementReader): { shape: number[]; count: number } {
  const bytes = parts.expect(SIZE_TYPES, "dimensions");
  if (bytes.length > 4 * MAX_DIMENSIONS) throw new MatError(`an array of ${bytes.length / 4} axes`);
  const shape = Array.from(numbersOf({ type: MI.INT32, bytes }));
  const count = sizeOf(shape);
  if (!shape.every((size) => size >= 0) || !Number.isSafeInteger(count))
    throw new MatError(`an array of [${shape}]`);
  return { shape, count };
}

function readStructs(
  parts: ElementReader,
  count: number,
  depth: number,
  budget: Budget,
): Map<string, MatValue>[] {
  const length = numbersOf(parts.next())[0] ?? 0;
  const names = parts.expect(MI.INT8, "field names");
  if (length < 1 || names.length % length !== 0)
    throw new MatError(`field names of ${names.length} bytes, ${length} each`);
  const fieldCount = names.length / length;
  // Each field takes a tag of 8 bytes at least.
  if (count * fieldCount * 8 > parts.left || (fieldCount === 0 && count > 1))
    throw new MatError(`${count} structs of ${fieldCount} fields in ${parts.left} bytes`);
  if (Math.max(count, count * fieldCount, fieldCount) > budget.arrays)
    throw new MatError(`more than ${MAX_ARRAYS} arrays`);
  const fields: string[] = [];
  for (let at = 0; at < names.length; at += length)
    fields.push(textOf({ type: MI.INT8, bytes: names.subarray(at, at + length) }).split("\0")[0]!);
  return Array.from({ length: count }, () => {
    const struct = new Map<string, MatValue>();
    for (const field of fields) {
      const element = parts.next();
      if (element.type !== MI.MATRIX) throw new MatError(`a field of type ${element.type}`);
      struct.set(field, readMatrix(element, depth + 1, budget).value);
    }
    return struct;
  });
}
