/**
 * How much a share of right answers would vary with other images of the same kind: the bootstrap's
 * percentile interval. Source: Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13.
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
  /** How many samples were drawn anew. */
  readonly resamples: number;
}

const confidence = 0.95;
const resamples = 10_000;

/**
 * The 95 % interval of `hits` right answers of `count`. Images drawn anew with replacement are right as
 * often as a binomial variable says, so that variable is drawn.
 * @param hits an integer in [0, count]
 * @param count at least 1
 * @param seed a safe integer; the same seed, the same interval
 */
export function bootstrapInterval(hits: number, count: number, seed = 0): ShareInterval {
  const generator = keyedGenerator(randomStream.bootstrap, seed, count, hits);
  const draw = randomBinomial.source(() => uniformFloat64(generator))(count, hits / count);
  const shares = Float64Array.from({ length: resamples }, () => draw() / count).sort();
  const tail = (1 - confidence) / 2;
  return { low: quantile(shares, tail), high: quantile(shares, 1 - tail), confidence, resamples };
}

/** Between the two nearest of sorted values, as numpy's default. */
function quantile(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (place - Math.floor(place)) * (above - below);
}
