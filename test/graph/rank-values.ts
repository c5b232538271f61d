/** Values that several processes each have others of, for tests of what becomes of them together. */
import { sizeOf } from "../../src/archive/shape.js";
import { narrowed } from "../bfloat16.js";

/** Enough for two buckets and a part of a third, some of them of a single value. */
export const shapes: readonly (readonly number[])[] = [
  ...[[5], [], [7, 11], [1_200_000], [3, 500_000], [1_000_001], [2]],
];

/** Of many magnitudes and both signs, the same in every call. The first of all are no ordinary numbers. */
export function valuesOf(rank: number, index: number): Float32Array {
  const count = sizeOf(shapes[index]!);
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

/** The mean over ranks of values that are sent as bfloat16 and added up as float32 in the ranks' order. */
export function meanBySending(ofRanks: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(ofRanks[0]!.length);
  for (const sent of ofRanks.map(narrowed))
    for (const [i, value] of sent.entries()) sum[i]! += value;
  return narrowed(sum.map((value) => value / ofRanks.length));
}
