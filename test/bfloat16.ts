/** bfloat16, for tests: the upper 16 bits of float32. */

/** The nearest bfloat16, ties to even. */
export function narrowed(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.slice().buffer);
  for (const [i, b] of bits.entries()) bits[i] = ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer);
}
