/** Values that several processes each have others of, for tests of what becomes of them together. */

/** Enough for two buckets and a part of a third, some of them of a single value. */
export const shapes: readonly (readonly number[])[] = [
  ...[[5], [], [7, 11], [1_200_000], [3, 500_000], [1_000_001], [2]],
];

/** Of many magnitudes and both signs, the same in every call. The first of all are no ordinary numbers. */
export function valuesOf(rank: number, index: number): Float32Array {
  const count = shapes[index]!.reduce((product, n) => product * n, 1);
  let state = (index + 1) * 2_654_435_761 + rank * 40_503 + 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const sign = next() < 0.5 ? -1 : 1;
    values[i] = sign * (1 + next()) * 2 ** Math.floor(60 * next() - 30);
  }
  if (index === 0)
    values.set([
      rank === 1 ? Infinity : 1,
      rank === 0 ? NaN : 1,
      rank === 0 ? Infinity : -Infinity,
      3.4e38,
    ]);
  return values;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** To the nearest number of bfloat16, to even of two: by the upper 16 bits of float32. */
export function toBfloat16(value: number): number {
  if (Number.isNaN(value)) return value;
  float[0] = value;
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return float[0];
}

/** The mean over ranks of values that are sent as bfloat16 and added up as float32 in the ranks' order. */
export function meanBySending(ofRanks: readonly Float32Array[]): Float32Array {
  return Float32Array.from(ofRanks[0]!, (_, i) => {
    let sum = 0;
    for (const values of ofRanks) sum = Math.fround(sum + toBfloat16(values[i]!));
    return toBfloat16(Math.fround(sum / ofRanks.length));
  });
}
