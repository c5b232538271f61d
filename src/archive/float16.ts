/**
 * IEEE 754 half precision ("f2"), as small archives store their weights. Widening is exact and so
 * a table; narrowing rounds to the nearest, ties to even, as numpy's `astype(np.float16)` does.
 */
import { float16ToFloat32 as widenOne } from "npyjs";

let widened: Float32Array | undefined;

/**
 * Exact float32 values of half-precision bit patterns. Subnormals, infinities and NaN are kept
 * (a NaN's payload is not).
 */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  widened ??= Float32Array.from({ length: 0x10000 }, (_, pattern) => widenOne(pattern));
  const table = widened;
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** Exact float32 values of bfloat16 bit patterns, which are the upper halves of float32's. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const patterns = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) patterns[i] = bits[i]! << 16;
  return new Float32Array(patterns.buffer);
}

/**
 * Half-precision bit patterns of float32 values, rounded to nearest even. From 65520 on in
 * magnitude the result is an infinity, below 2^-25 a signed zero.
 */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = narrowOne(patterns[i]!);
  return bits;
}

/** Index of the first finite value that half precision can only store as infinity, if any. */
export function firstBeyondFloat16(values: Float32Array): number | undefined {
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    // 65504 is the largest half; 65520 lies halfway to the next step and rounds away to infinity.
    if (magnitude >= 65520 && magnitude !== Infinity) return i;
  }
  return undefined;
}

/** @param pattern the 32 bits of a float32 */
function narrowOne(pattern: number): number {
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    // NaN keeps its leading payload bits; were they all zero it would turn into an infinity.
    return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 1);
  }
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Normal: rebias the exponent (127 to 15), then add just under half a unit of the last place,
    // and the last bit itself so that ties go to even. A carry runs into the exponent rightly.
    const rebased = magnitude - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  // Subnormal half: a multiple of 2^-24. Below half of that everything rounds to zero.
  if (magnitude <= 0x33000000) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23);
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}
