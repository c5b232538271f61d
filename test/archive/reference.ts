/** What scripts/make-archive-fixtures.py put into the fixtures, by the same formulas. */
import { fileURLToPath } from "node:url";
import type { NamedArray, NumericArray, NumericData } from "../../src/archive/numeric-array.js";

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/archive/${name}`, import.meta.url));
}

export function array(shape: readonly number[], data: NumericData): NumericArray {
  return { shape, data };
}

/** 0, 1/4, 2/4, ... */
export function quarters(...shape: number[]): NumericArray {
  const length = shape.reduce((a, b) => a * b, 1);
  return array(
    shape,
    Float32Array.from({ length }, (_, i) => i / 4),
  );
}

/** The arrays of stored.npz and deflated.npz as reading returns them, in their order. */
export const PLAIN: readonly NamedArray[] = [
  { name: "block1/unit01/a/kernel", array: quarters(2, 3, 4) },
  { name: "scalar", array: array([], Float32Array.of(2.5)) },
  { name: "empty", array: array([0, 3], new Float32Array(0)) },
  { name: "half", array: quarters(5) },
  { name: "double", array: quarters(5) },
  { name: "i1", array: array([6], Int8Array.of(-3, -2, -1, 0, 1, 2)) },
  { name: "i2", array: array([6], Int16Array.of(-3, -2, -1, 0, 1, 2)) },
  { name: "i4", array: array([6], Int32Array.of(-3, -2, -1, 0, 1, 2)) },
  {
    name: "i8",
    array: array([5], BigInt64Array.of(-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n)),
  },
  { name: "u1", array: array([6], Uint8Array.of(0, 1, 2, 3, 4, 5)) },
  { name: "u2", array: array([6], Uint16Array.of(0, 1, 2, 3, 4, 5)) },
  { name: "u4", array: array([2], Uint32Array.of(0, 2 ** 32 - 1)) },
  { name: "u8", array: array([2], BigUint64Array.of(0n, 2n ** 64n - 1n)) },
  { name: "flags", array: array([3], Uint8Array.of(1, 0, 1)) },
];

/** The arrays of foreign.npz (big-endian, Fortran order) as reading returns them. */
export const FOREIGN: readonly NamedArray[] = [
  { name: "big/f2", array: quarters(2, 3) },
  { name: "big/f4", array: quarters(2, 3) },
  { name: "big/f8", array: quarters(2, 3) },
  { name: "big/i2", array: array([2, 3], Int16Array.of(-3, -2, -1, 0, 1, 2)) },
  { name: "big/i4", array: array([2, 3], Int32Array.of(-3, -2, -1, 0, 1, 2)) },
  { name: "big/i8", array: array([2, 3], BigInt64Array.of(-3n, -2n, -1n, 0n, 1n, 2n)) },
  { name: "fortran/rank2", array: quarters(2, 3) },
  { name: "fortran/rank3", array: quarters(2, 3, 4) },
  { name: "fortran/rank4", array: quarters(2, 3, 4, 5) },
  {
    name: "fortran/u1",
    array: array(
      [2, 3, 4],
      Uint8Array.from({ length: 24 }, (_, i) => i),
    ),
  },
  { name: "fortran/f2", array: quarters(2, 3, 4) },
  { name: "fortran/f8", array: quarters(2, 3, 4) },
  {
    name: "fortran/i8",
    array: array(
      [2, 3, 4],
      BigInt64Array.from({ length: 24 }, (_, i) => BigInt(i - 3)),
    ),
  },
  { name: "fortran/big-f4", array: quarters(2, 3, 4) },
];
