/** The factor of a deviation that was found from few values: Student's t. */

/** Quantiles at 0.975 for 1 to 10 degrees of freedom, by scipy 1.17's `stats.t.ppf`. */
const few = [
  12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
  2.228139,
];

/** Of the normal distribution, at 0.975. */
export const normalFactor = 1.959964;

/**
 * The quantile at 0.975, between which and its negative 95 % lie.
 * Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5, from 11 degrees on.
 * @param freedom degrees of freedom, an integer from 1 on: one less than there are values
 */
export function studentFactor(freedom: number): number {
  const known = few[freedom - 1];
  if (known !== undefined) return known;
  const z = normalFactor;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}
