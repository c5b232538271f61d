/** The typed arrays a tensor's elements may lie in: what numpy's plain number dtypes map to. */
export type NumericData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A tensor in plain JavaScript: `data` holds the product of `shape` elements, in C order. */
export interface NumericArray {
  /** Lengths of the axes; `[]` is a scalar with one element. */
  readonly shape: readonly number[];
  readonly data: NumericData;
}

/** One member of an archive: a variable's name (without `.npy`) and its array. */
export interface NamedArray {
  readonly name: string;
  readonly array: NumericArray;
}

const ELEMENT_TYPES = [
  "f2",
  "f4",
  "f8",
  "i1",
  "i2",
  "i4",
  "i8",
  "u1",
  "u2",
  "u4",
  "u8",
  "b1",
  "V2",
] as const;

/**
 * The type of a file's elements: kind (float, signed, unsigned, boolean) and bytes per element. `V2`,
 * two raw bytes, is bfloat16, for which numpy has no name: ml_dtypes writes `<V2`, and what numpy
 * loads of that and saves again is `|V2`.
 * @useDeclaredType
 */
export type ArrayElementType = (typeof ELEMENT_TYPES)[number];

/** Whether `code` ("f4", "i8", ...) is a type that the archives read and write. */
export function isElementType(code: string): code is ArrayElementType {
  return ELEMENT_TYPES.some((type) => type === code);
}

/** Whether elements are floating-point numbers, as weights are. */
export function isFloatType(type: ArrayElementType): boolean {
  return type.startsWith("f") || type === "V2";
}

/** The element type under which `data` is stored; nothing is stored as `f2`, `V2` or `b1` by itself. */
export function elementTypeOf(data: NumericData): ArrayElementType {
  if (data instanceof Float32Array) return "f4";
  if (data instanceof Float64Array) return "f8";
  if (data instanceof Int8Array) return "i1";
  if (data instanceof Uint8Array) return "u1";
  if (data instanceof Int16Array) return "i2";
  if (data instanceof Uint16Array) return "u2";
  if (data instanceof Int32Array) return "i4";
  if (data instanceof Uint32Array) return "u4";
  if (data instanceof BigInt64Array) return "i8";
  return "u8";
}
