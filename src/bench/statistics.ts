/** Order statistics of a few measurements. */

/** In the measurements' own unit. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Distance between the quartiles. */
  readonly iqr: number;
}

/** The spread of at least one value. Quantiles are interpolated between neighbours, as numpy's. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (q: number) => {
    const at = q * (sorted.length - 1);
    const below = sorted[Math.floor(at)]!;
    const above = sorted[Math.ceil(at)]!;
    return below + (above - below) * (at - Math.floor(at));
  };
  return {
    median: quantile(0.5),
    min: sorted[0]!,
    max: sorted.at(-1)!,
    iqr: quantile(0.75) - quantile(0.25),
  };
}
