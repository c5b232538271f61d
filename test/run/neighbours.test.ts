/** The nearest images and their votes, against numpy and scikit-learn. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { votedExample, voteLogits, voteShares } from "../../src/run/neighbour-votes.js";
import { type Features, nearestNeighbours } from "../../src/run/neighbours.js";
import { engine } from "../engine-for-tests.js";
import { noise } from "../evaluators/reference.js";
import { fixturePath } from "../fixture-path.js";

/** A case of scripts/make-neighbour-fixtures.py. */
interface ReferenceCase {
  readonly images: number;
  readonly queries: number;
  readonly channels: number;
  readonly classes: number;
  readonly k: number;
  readonly nearest: readonly (readonly number[])[];
  readonly cosines: readonly (readonly number[])[];
  readonly shares: readonly (readonly number[])[];
}

const { cases } = JSON.parse(
  readFileSync(fixturePath("evaluators", "neighbours.json"), "utf8"),
) as { readonly cases: readonly ReferenceCase[] };

function made({ images, queries, channels, classes }: ReferenceCase) {
  const labels = Int32Array.from(noise(images), (value) => Math.trunc(value * classes));
  const values = Float32Array.from(noise((images + queries) * channels), (value, i) => {
    const [row, channel] = [Math.floor(i / channels), i % channels];
    const raised = row < images && channel % classes === labels[row];
    return value + (raised ? 0.3 : 0);
  });
  const rows = (from: number, count: number): Features => {
    return { count, channels, values: values.slice(from * channels, (from + count) * channels) };
  };
  return { labels, table: rows(0, images), asked: rows(images, queries) };
}

for (const wanted of cases)
  test(`${wanted.k} of ${wanted.images} images of ${wanted.classes} classes`, async () => {
    const { labels, table, asked } = made(wanted);
    const nearest = await nearestNeighbours(asked, table, wanted.k, engine);
    for (const [row, neighbours] of nearest.entries()) {
      assert.deepEqual(
        neighbours.map(({ index }) => index),
        wanted.nearest[row],
      );
      // Of unit vectors in float32: each product is off by 1e-7 of itself at most.
      for (const [place, { similarity }] of neighbours.entries())
        assert.ok(Math.abs(similarity - wanted.cosines[row]![place]!) < 1e-6);
      const shares = voteShares(neighbours, labels, wanted.classes);
      // exp(1e-6 / 0.07) is off by 2e-5 of itself.
      for (const [label, share] of shares.entries())
        assert.ok(Math.abs(share - wanted.shares[row]![label]!) < 2e-5);
    }
  });

test("votes as logits: probabilities of all classes, in the order of the shares, ties to the lower", () => {
  const logits = voteLogits(Float64Array.of(0, 0.25, 0, 0.5, 0.25), 3);
  const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
  assert.ok(Math.abs(sum - 1) < 1e-6);
  // (3 * 0.5 + 0.2) / 4, and 0.2 / 4 where nobody voted.
  assert.ok(Math.abs(Math.exp(logits[3]!) - 0.425) < 1e-7);
  assert.ok(Math.abs(Math.exp(logits[0]!) - 0.05) < 1e-7);
  const { top, loss } = votedExample(7, 2, logits);
  assert.deepEqual([...top], [3, 1, 4, 0, 2]);
  assert.ok(Math.abs(loss + Math.log(0.05)) < 1e-6);
});

test("equally near images come in their order, none is its own neighbour, and NaN is nobody's", async () => {
  const rows = [
    [1, 0],
    [0, 1],
    [2, 0],
    [Number.NaN, Number.NaN],
    [3, 0],
    [0, 0],
  ];
  const table = { count: rows.length, channels: 2, values: Float32Array.from(rows.flat()) };
  const nearest = await nearestNeighbours(table, table, 2, engine, { withoutSelf: true });
  const indices = nearest.map((neighbours) => neighbours.map(({ index }) => index));
  assert.deepEqual(indices, [[2, 4], [0, 2], [0, 4], [], [0, 2], [0, 1]]);
  assert.equal(nearest[0]![0]!.similarity, 1);
});

test("more images than one block takes: as a plain search finds them", async () => {
  const [count, queries, channels, k] = [4500, 1100, 3, 4];
  const numbers = noise((count + queries) * channels);
  const values = (from: number, rows: number) => {
    return Float32Array.from(numbers.subarray(from * channels, (from + rows) * channels));
  };
  const table = { count, channels, values: values(0, count) };
  const asked = { count: queries, channels, values: values(count, queries) };
  const nearest = await nearestNeighbours(asked, table, k, engine);
  const unit = (own: Float32Array, row: number) => {
    const part = own.subarray(row * channels, (row + 1) * channels);
    return part.map((value) => value / Math.hypot(...part));
  };
  const units = Array.from({ length: count }, (_, i) => unit(table.values, i));
  for (const row of [0, 1023, 1024, 1099]) {
    const own = unit(asked.values, row);
    const cosines = units.map((other) => other.reduce((sum, x, i) => sum + x * own[i]!, 0));
    const best = [...cosines.keys()].sort((a, b) => cosines[b]! - cosines[a]! || a - b);
    const wanted = best.slice(0, k).map((i) => cosines[i]!);
    // Among 4,500 directions of three numbers some are nearer to each other than rounding tells.
    for (const [place, { index, similarity }] of nearest[row]!.entries()) {
      assert.ok(Math.abs(similarity - wanted[place]!) < 1e-6);
      assert.ok(Math.abs(cosines[index]! - wanted[place]!) < 1e-6);
    }
  }
});
