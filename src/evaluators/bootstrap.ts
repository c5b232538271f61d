/**
 * How much a share of right answers would vary with other images of the same kind: the bootstrap's
 * percentile interval. Source: Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13.
 * Answers that are all right, or all wrong, are so however they are drawn anew: there it is the exact interval.
 * Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
 * Biometrika 26 (1934).
 */
import { randomBinomial } from "d3-random";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { keyedGenerator, randomStream } from "../recipe/keyed-random.js";

/** An interval of a share, both ends in [0, 1]. */
export interface ShareInterval {
  readonly low: number;
  readonly high: number;
  /** How probable it is that the interval of such a sample holds the share: 0.95. */
  readonly confidence: number;
  readonly method: "bootstrap" | "clopper-pearson";
  /** How many samples were drawn anew; 0 of the exact interval. */
  readonly resamples: number;
}

const confidence = 0.95;
const resamples = 10_000;

/**
 * The 95 % interval of `hits` right answers of `count`. Images drawn anew with replacement are right as
 * often as a binomial variable says, so that variable is drawn. Of none or all it is the exact one: up to the share, or
 * down to it, at which that has a probability of 2.5 %.
 * @param hits an integer in [0, count]
 * @param count at least 1
 * @param seed a safe integer; the same seed, the same interval
 */
export function shareInterval(hits: number, count: number, seed = 0): ShareInterval {
  const tail = (1 - confidence) / 2;
  if (hits === 0 || hits === count) {
    const exact = { confidence, method: "clopper-pearson", resamples: 0 } as const;
    const least = tail ** (1 / count);
    return hits === 0 ? { low: 0, high: 1 - least, ...exact } : { low: least, high: 1, ...exact };
  }
  const generator = keyedGenerator(randomStream.bootstrap, seed, count, hits);
  const draw = randomBinomial.source(() => uniformFloat64(generator))(count, hits / count);
  const shares = Float64Array.from({ length: resamples }, () => draw() / count).sort();
  const [low, high] = [quantile(shares, tail), quantile(shares, 1 - tail)];
  return { low, high, confidence, method: "bootstrap", resamples };
}

/** Between the two nearest of sorted values, as numpy's default. */
function quantile(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (place - Math.floor(place)) * (above - below);
}
