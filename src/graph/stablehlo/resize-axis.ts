/**
 * Pillow's antialiased bilinear resize along one axis, as fixed-point numbers: what native/kernels/resize.cc
 * computes, by the same formulas. Source: Pillow's documentation of "BILINEAR".
 */

/** Bits after the point of a weight. */
export const precisionBits = 22;

/** Each place of the result is a weighted sum of `taps` places of the image, from `first` on. */
export interface ResizeAxis {
  readonly taps: number;
  /** `[to]` */
  readonly first: Int32Array;
  /** `[taps, to]`, not negative; a place's are 2^22 together, up to rounding. */
  readonly weights: readonly Int32Array[];
}

/**
 * @param from the image's size, at least 1
 * @param to the result's size, at least 1
 * @returns undefined where both are the same, and nothing is to be computed
 */
export function resizeAxis(from: number, to: number): ResizeAxis | undefined {
  if (from === to) return undefined;
  const scale = from / to;
  const support = Math.max(scale, 1);
  const centers = Array.from({ length: to }, (_, i) => (i + 0.5) * scale);
  const bounds = centers.map((center) => {
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    return { center, low, count: Math.min(from, Math.trunc(center + support + 0.5)) - low };
  });
  const taps = bounds.reduce((most, { count }) => Math.max(most, count), 1);
  // At the edges fewer taps would do; all places have as many, some of them of weight zero.
  const first = Int32Array.from(bounds, ({ low }) => Math.min(low, from - taps));
  const weights = Array.from({ length: taps }, () => new Int32Array(to));
  const inverse = 1 / support;
  for (const [i, { center, low, count }] of bounds.entries()) {
    const shares = Array.from({ length: count }, (_, k) => {
      const distance = Math.abs((k + low - center + 0.5) * inverse);
      return distance < 1 ? 1 - distance : 0;
    });
    const total = shares.reduce((sum, share) => sum + share, 0);
    for (const [k, share] of shares.entries())
      weights[k + low - first[i]!]![i] = Math.trunc(0.5 + (share / total) * 2 ** precisionBits);
  }
  return { taps, first, weights };
}
