/** Factors by which the loss of a class's examples counts, so that rare classes are not drowned. */

export const classWeightings = ["balanced"] as const;
/**
 * How classes are weighted.
 * @useDeclaredType
 */
export type ClassWeighting = (typeof classWeightings)[number];

/**
 * Examples of each class.
 * @param labels `[n]`, each in `[0, classes)`
 * @returns `[classes]`
 */
export function classCounts(labels: Int32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/**
 * Weights under which every class with examples counts as much as every other: n / (k count), for n
 * examples of k such classes. Over all examples their mean is 1. A class without an example has 0,
 * by which nothing is ever multiplied.
 * Source: King and Zeng, "Logistic Regression in Rare Events Data"; scikit-learn's
 * `compute_class_weight("balanced")`.
 * @param counts examples of each class, `[classes]`
 */
export function balancedWeights(counts: Uint32Array): Float64Array {
  const present = counts.filter((count) => count > 0).length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Float64Array.from(counts, (count) => (count > 0 ? total / (present * count) : 0));
}

/**
 * The weights of a training's classes, `[classes]`; undefined where each example counts alike.
 * @param labels of all training examples
 */
export function classWeights(
  weighting: ClassWeighting | null | undefined,
  labels: Int32Array,
  classes: number,
): Float64Array | undefined {
  if (weighting !== "balanced") return undefined;
  return balancedWeights(classCounts(labels, classes));
}
