/** How a cost grows: a constant and a slope. */

export interface LinearFit {
  readonly constant: number;
  readonly slope: number;
  /** The largest of |fit - y| / y. */
  readonly largestDeviation: number;
}

/**
 * The line y = constant + slope x for which the squares of the relative deviations add up to the
 * least, so that small and large values count alike. Weighted least squares, with weights 1 / y^2.
 * @param points at least two, of different x, with y > 0
 */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): LinearFit {
  const weighted = points.map(([x, y]) => [x, y, 1 / (y * y)] as const);
  const sum = (value: (x: number, y: number) => number) => {
    return weighted.reduce((total, [x, y, weight]) => total + weight * value(x, y), 0);
  };
  const total = sum(() => 1);
  const meanX = sum((x) => x) / total;
  const meanY = sum((_, y) => y) / total;
  const variance = sum((x) => (x - meanX) ** 2);
  if (!(variance > 0)) throw new RangeError("a line needs two points of different x");
  const slope = sum((x, y) => (x - meanX) * (y - meanY)) / variance;
  const constant = meanY - slope * meanX;
  const deviations = points.map(([x, y]) => Math.abs(constant + slope * x - y) / y);
  return { constant, slope, largestDeviation: Math.max(...deviations) };
}
