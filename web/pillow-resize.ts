/**
 * Resizes photos as Pillow's `Image.resize(size, BILINEAR)` does with 8-bit images, to the bit, as
 * bit-predict's engine does: by weights of 22 bits along rows first, rounded to bytes, then along columns.
 * Source: Pillow's documentation of "BILINEAR" (before version 13), native/kernels/resize.cc, and images
 * compared with both (test/fixtures/resize).
 */
import { precisionBits, type ResizeAxis, resizeAxis } from "../src/graph/stablehlo/resize-axis.js";
import { forEachRow, type PixelSource } from "./pixel-source.js";

const half = 1 << (precisionBits - 1);

/** Weights are not negative, so no sum is; rounding may bring one past 255. */
function level(sum: number): number {
  return Math.min(sum >> precisionBits, 255);
}

/** One row of RGBA, from `at` on, to as many RGB pixels as the result has; undefined: the photo has as many. */
function resizeRow(
  pixels: ArrayLike<number>,
  at: number,
  across: ResizeAxis | undefined,
  made: Uint8Array,
): void {
  if (across === undefined) {
    for (let x = 0; x < made.length / 3; x++)
      for (let channel = 0; channel < 3; channel++)
        made[3 * x + channel] = pixels[at + 4 * x + channel]!;
    return;
  }
  const { first, weights } = across;
  for (let x = 0; x < first.length; x++) {
    let [r, g, b] = [half, half, half];
    let from = at + 4 * first[x]!;
    for (let t = 0; t < weights.length; t++, from += 4) {
      const weight = weights[t]![x]!;
      r += pixels[from]! * weight;
      g += pixels[from + 1]! * weight;
      b += pixels[from + 2]! * weight;
    }
    made[3 * x] = level(r);
    made[3 * x + 1] = level(g);
    made[3 * x + 2] = level(b);
  }
}

/** A photo squashed to `side` x `side`: bytes `[side,side,3]`. */
export function pillowResize(source: PixelSource, side: number): Uint8Array {
  const across = resizeAxis(source.width, side);
  const down = resizeAxis(source.height, side);
  const bytes = 3 * side;
  const result = new Uint8Array(side * bytes);
  const madeRow = (y: number) => result.subarray(y * bytes, (y + 1) * bytes);
  if (down === undefined) {
    forEachRow(source, (y, pixels, at) => resizeRow(pixels, at, across, madeRow(y)));
    return result;
  }
  // Of the rows, those that the next place still needs.
  const { taps } = down;
  const rows = Array.from({ length: taps }, () => new Uint8Array(bytes));
  let next = 0;
  forEachRow(source, (y, pixels, at) => {
    resizeRow(pixels, at, across, rows[y % taps]!);
    for (; next < side && down.first[next]! + taps === y + 1; next++)
      sumRows(rows, down, next, madeRow(next));
  });
  return result;
}

function sumRows(
  rows: readonly Uint8Array[],
  { first, weights }: ResizeAxis,
  place: number,
  made: Uint8Array,
): void {
  const sums = new Int32Array(made.length).fill(half);
  for (const [t, ofTap] of weights.entries()) {
    const row = rows[(first[place]! + t) % rows.length]!;
    const weight = ofTap[place]!;
    for (let i = 0; i < sums.length; i++) sums[i]! += row[i]! * weight;
  }
  for (let i = 0; i < made.length; i++) made[i] = level(sums[i]!);
}
