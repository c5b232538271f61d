import assert from "node:assert/strict";
import { test } from "node:test";
import { mixupLambda, mixupPartners } from "../../src/recipe/mixup.js";

/**
 * Integral of t^(a-1) (1-t)^(a-1) from 0 to x <= 1/2. With u = t^a the integrand loses its pole:
 * (1 - u^(1/a))^(a-1) / a, over [0, x^a]; Simpson's rule.
 */
function lowerIntegral(x: number, a: number): number {
  const intervals = 400;
  const width = x ** a / intervals;
  const value = (i: number) => (1 - (i * width) ** (1 / a)) ** (a - 1) / a;
  let sum = value(0) + value(intervals);
  for (let i = 1; i < intervals; i++) sum += value(i) * (i % 2 === 1 ? 4 : 2);
  return (sum * width) / 3;
}

/** The distribution function of Beta(a, a), which is symmetric about 1/2. */
function betaCdf(x: number, a: number): number {
  const half = lowerIntegral(0.5, a);
  return x <= 0.5 ? lowerIntegral(x, a) / (2 * half) : 1 - lowerIntegral(1 - x, a) / (2 * half);
}

test("the reference distribution agrees with scipy.stats.beta(0.1, 0.1).cdf", () => {
  // The references are rounded to ten digits.
  const references = [
    [1e-6, 0.1274122531],
    [0.01, 0.3203082504],
    [0.3, 0.4628041861],
    [0.5, 0.5],
    [0.9, 0.5936149061],
  ] as const;
  for (const [x, expected] of references)
    assert.ok(Math.abs(betaCdf(x, 0.1) - expected) < 1e-8, `${x}: ${betaCdf(x, 0.1)}`);
});

test("lambda follows Beta(0.1, 0.1) over steps", () => {
  const n = 20_000;
  const drawn = Float64Array.from({ length: n }, (_, step) => mixupLambda(7, step, 0.1)).sort();
  assert.ok(drawn.every((lambda) => lambda >= 0 && lambda <= 1));
  let distance = 0;
  for (let i = 0; i < n; i++) {
    const cdf = betaCdf(drawn[i]!, 0.1);
    // Where doubles near 1 are all the same number, the step of the empirical function is there.
    if (drawn[i] === drawn[i + 1]) continue;
    distance = Math.max(distance, (i + 1) / n - cdf, drawn[i] === drawn[i - 1] ? 0 : cdf - i / n);
  }
  // Kolmogorov and Smirnov: 1.95 / sqrt(n) is exceeded once in 1000 seeds.
  assert.ok(distance < 1.95 / Math.sqrt(n), `${distance}`);
  // A blind test would find any distribution right; it finds Beta(0.12, 0.12) wrong.
  const wrong = Math.max(...[0.001, 0.01, 0.05].map((x) => betaCdf(x, 0.1) - betaCdf(x, 0.12)));
  assert.ok(wrong > 1.95 / Math.sqrt(n));
});

test("lambda is a number in [0, 1] for any alpha", () => {
  for (const alpha of [1e-3, 0.01, 0.1, 0.2, 1, 8])
    for (let step = 0; step < 2000; step++) {
      const lambda = mixupLambda(3, step, alpha);
      assert.ok(lambda >= 0 && lambda <= 1, `${alpha} ${step}: ${lambda}`);
    }
  for (const alpha of [0, -1, Number.NaN, Infinity])
    assert.throws(() => mixupLambda(0, 0, alpha), RangeError);
});

test("lambda depends on seed and step alone", () => {
  assert.equal(mixupLambda(1, 2, 0.1), mixupLambda(1, 2, 0.1));
  assert.notEqual(mixupLambda(1, 2, 0.1), mixupLambda(1, 3, 0.1));
  assert.notEqual(mixupLambda(1, 2, 0.1), mixupLambda(2, 2, 0.1));
});

test("partners are a permutation that changes with seed, step and split", () => {
  const partners = mixupPartners(1, 2, 0, 512);
  assert.deepEqual(
    partners.slice().sort(),
    Int32Array.from({ length: 512 }, (_, i) => i),
  );
  assert.deepEqual(mixupPartners(1, 2, 0, 512), partners);
  for (const other of [
    mixupPartners(1, 2, 1, 512),
    mixupPartners(1, 3, 0, 512),
    mixupPartners(2, 2, 0, 512),
  ])
    assert.notDeepEqual(other, partners);
  assert.deepEqual([...mixupPartners(1, 2, 0, 1)], [0]);
});
