/** The types and the layouts of arrays on PJRT's devices. */

export type PjrtType =
  | "float32"
  | "bfloat16"
  | "float16"
  | "int32"
  | "int64"
  | "uint8"
  | "bool"
  | "float64";

/** PJRT_Buffer_Type's numbers, and the bytes of an element. */
const TYPES: Readonly<Record<PjrtType, { readonly number: number; readonly bytes: number }>> = {
  bool: { number: 1, bytes: 1 },
  int32: { number: 4, bytes: 4 },
  int64: { number: 5, bytes: 8 },
  uint8: { number: 6, bytes: 1 },
  float16: { number: 10, bytes: 2 },
  float32: { number: 11, bytes: 4 },
  float64: { number: 12, bytes: 8 },
  bfloat16: { number: 13, bytes: 2 },
};

const typeByNumber = new Map(
  Object.entries(TYPES).map(([name, { number }]) => [number, name as PjrtType]),
);

/** PJRT's number of a type. */
export function typeNumber(type: PjrtType): number {
  return TYPES[type].number;
}

/** The type of PJRT's number. @throws Error for one that is not used here */
export function typeOfNumber(number: number): PjrtType {
  const type = typeByNumber.get(number);
  if (type === undefined) throw new Error(`PJRT's element type ${number} is not known here`);
  return type;
}

/** The bytes of a dense array. */
export function byteSize(type: PjrtType, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, TYPES[type].bytes);
}

/** @throws Error unless `order` holds each dimension once */
export function checkOrder(order: readonly number[], rank: number): void {
  const sorted = [...order].sort((a, b) => a - b);
  if (sorted.length !== rank || sorted.some((dimension, i) => dimension !== i))
    throw new Error(`order [${order}] is no order of ${rank} dimensions`);
}

/**
 * The bytes from one element to the next along each dimension of a dense array whose dimensions, from
 * major to minor, are in the order `order`.
 */
export function byteStrides(
  type: PjrtType,
  shape: readonly number[],
  order: readonly number[],
): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let stride = TYPES[type].bytes;
  for (const dimension of order.toReversed()) {
    strides[dimension] = stride;
    stride *= shape[dimension]!;
  }
  return strides;
}

/** The dimensions from minor to major: row-major unless `order` tells another, from major to minor. */
export function minorToMajor(rank: number, order?: readonly number[]): number[] {
  return (order ?? Array.from({ length: rank }, (_, i) => i)).toReversed();
}
