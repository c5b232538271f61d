/** The training images most like others, of given classes: by cosines that are computed here. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { loadDataset } from "../../src/data/datasets.js";
import { featuresOf } from "../../src/run/feature-table.js";
import { nearestTraining } from "../../src/run/nearest-training.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("of each class the nearest by the model's features, of all or of some evenly spread", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await loadDataset({ dataset: await writeTinyFolder(root), seed: 0 });
  const { train, val } = dataset;
  const trained = await findTrainedModel(sampleWeights());
  const how = { size: trained.crop!, precision: "fp32" as const, workers: 2, kept: false };
  const cache = join(root, "cache");
  const tables = [];
  for (const split of [train, val])
    tables.push(await featuresOf(split, trained, { ...how, cache }, engine));
  const [ofTrain, ofVal] = tables;
  const row = ({ values, channels }: { values: Float32Array; channels: number }, i: number) =>
    values.subarray(i * channels, (i + 1) * channels);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const cosine = (i: number, j: number) => {
    const [a, b] = [row(ofVal!, i), row(ofTrain!, j)];
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  const queries = [
    { index: 0, labels: [1, 0] },
    { index: 7, labels: [2] },
    { index: 14, labels: [0, 2] },
  ];
  for (const [most, expected] of [
    [undefined, { once: [0, 1, 2, 3, 4, 5, 6, 7], twice: [0, 1, 2, 3, 4, 5, 6, 7] }],
    // Of 12: a fifth for the class that is asked for once, two for the others.
    [12, { once: [0, 2, 5], twice: [0, 1, 3, 4, 6] }],
  ] as const) {
    const found = await nearestTraining(sampleWeights(), engine, dataset, queries, { most });
    for (const [i, { index, labels }] of queries.entries()) {
      assert.deepEqual(found[i]!.map(({ label }) => label).sort(), [...labels].sort());
      for (const one of found[i]!) {
        const of = [...train.labels.keys()].filter((j) => train.labels[j] === one.label);
        const places = one.label === 1 ? expected.once : expected.twice;
        assert.deepEqual([one.among, one.all], [places.length, 8]);
        const looked = places.map((place) => of[place]!);
        assert.ok(looked.includes(one.index), `${one.index} of ${looked}`);
        // float32 rounds otherwise in another batch: of two that are equally near either will do.
        const best = Math.max(...looked.map((j) => cosine(index, j)));
        assert.ok(cosine(index, one.index) > best - 1e-5);
      }
    }
  }
  assert.deepEqual(await nearestTraining(sampleWeights(), engine, dataset, []), []);
});

test("without weights, or stopped, it is an error", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await loadDataset({ dataset: await writeTinyFolder(root), seed: 0 });
  const queries = [{ index: 0, labels: [1] }];
  await assert.rejects(nearestTraining(join(root, "none"), engine, dataset, queries), {
    name: "UserError",
  });
  const signal = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(
    nearestTraining(sampleWeights(), engine, dataset, queries, { signal }),
    /stopped/,
  );
});
