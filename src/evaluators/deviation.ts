/** What several runs come to together: mean and standard deviation. */

export interface MeanAndDeviation {
  readonly mean: number;
  /** Of the sample, with n - 1 below; null of a single value. */
  readonly deviation: number | null;
}

/** @param values at least one, in any unit, in which the result is too */
export function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  const count = values.length;
  if (count === 0) throw new RangeError("no values");
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, deviation: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)) };
}
