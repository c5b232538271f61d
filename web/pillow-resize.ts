/**
 * Resizes photos as Pillow's `Image.resize(size, BILINEAR)` does with 8-bit images, to the bit, as
 * bit-predict's engine does: a triangle of half width max(scale, 1) around each place's center; weights
 * normalized in float64, then rounded to 22 bits; along rows first, rounded to bytes, then along columns.
 * Source: Pillow's documentation of "BILINEAR" (before version 13), native/kernels/resize.cc, and images
 * compared with both (test/fixtures/resize).
 */
import { forEachRow, type PixelSource } from "./pixel-source.js";

const precision = 22;
const half = 1 << (precision - 1);

/** One axis: each place of the result is a weighted sum of places of the photo from `first` on. */
interface Axis {
  readonly same: boolean;
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Fixed-point, `taps` for each place. */
  readonly weights: Int32Array;
  readonly taps: number;
}

function axis(from: number, to: number): Axis {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const center = (i: number) => (i + 0.5) * scale;
  const low = (i: number) => Math.max(0, Math.trunc(center(i) - support + 0.5));
  const high = (i: number) => Math.min(from, Math.trunc(center(i) + support + 0.5));
  const first = Int32Array.from({ length: to }, (_, i) => low(i));
  const count = Int32Array.from({ length: to }, (_, i) => high(i) - low(i));
  const taps = count.reduce((most, n) => Math.max(most, n), 1);
  const weights = new Int32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const shares = Array.from({ length: count[i]! }, (_, k) => {
      const distance = Math.abs((k + first[i]! - center(i) + 0.5) * (1 / support));
      return distance < 1 ? 1 - distance : 0;
    });
    let total = 0;
    for (const share of shares) total += share;
    shares.forEach((share, k) => {
      weights[i * taps + k] = Math.trunc(0.5 + (share / total) * 2 ** precision);
    });
  }
  return { same: from === to, first, count, weights, taps };
}

/** Weights are not negative, so no sum is; rounding may bring one past 255. */
function level(sum: number): number {
  return Math.min(sum >> precision, 255);
}

function resizeRow(pixels: ArrayLike<number>, at: number, across: Axis, made: Uint8Array): void {
  const { same, first, count, weights, taps } = across;
  for (let x = 0; x < first.length; x++) {
    if (same) {
      for (let channel = 0; channel < 3; channel++)
        made[3 * x + channel] = pixels[at + 4 * x + channel]!;
      continue;
    }
    let [r, g, b] = [half, half, half];
    let from = at + 4 * first[x]!;
    for (let t = x * taps; t < x * taps + count[x]!; t++, from += 4) {
      const weight = weights[t]!;
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
  const across = axis(source.width, side);
  const down = axis(source.height, side);
  const bytes = 3 * side;
  // Of the rows, those that the next place still needs.
  const kept = down.same ? 1 : down.taps;
  const rows = Array.from({ length: kept }, () => new Uint8Array(bytes));
  const result = new Uint8Array(side * bytes);
  let next = 0;
  forEachRow(source, (y, pixels, at) => {
    resizeRow(pixels, at, across, rows[y % kept]!);
    if (down.same) result.set(rows[0]!, y * bytes);
    else
      for (; next < side && down.first[next]! + down.count[next]! === y + 1; next++)
        sumRows(rows, down, next, result.subarray(next * bytes, (next + 1) * bytes));
  });
  return result;
}

function sumRows(rows: readonly Uint8Array[], down: Axis, place: number, made: Uint8Array): void {
  const sums = new Int32Array(made.length).fill(half);
  for (let t = 0; t < down.count[place]!; t++) {
    const row = rows[(down.first[place]! + t) % rows.length]!;
    const weight = down.weights[place * down.taps + t]!;
    for (let i = 0; i < sums.length; i++) sums[i]! += row[i]! * weight;
  }
  for (let i = 0; i < made.length; i++) made[i] = level(sums[i]!);
}
