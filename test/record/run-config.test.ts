/** `config.json`: what is read of it, what may change in it, and what earlier versions left. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { freeKeys, planOf, type RunRecordFile, readConfig } from "../../src/record/run-config.js";
import { writeJson } from "../../src/record/versioned-json.js";
import { changedFreely, changedSettings, configurationHash } from "../../src/run/same-run.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { settings } from "../run/tiny-training.js";

const config: RunRecordFile = { ...settings, data: { labels: "a", images: "b" } };

test("what is written is read again", async (t) => {
  const path = join(await temporaryFolder(t), "config.json");
  assert.equal(await readConfig(path), undefined);
  await writeJson(path, { ...config, evalEvery: 5, mixupAlpha: 0.1 });
  const known = (await readConfig(path))!;
  assert.equal(known.evalEvery, 5);
  assert.deepEqual(changedSettings(known, { ...config, mixupAlpha: 0.1 }), []);
  assert.deepEqual(changedFreely(known, config), ["--eval_every was 5, is now none"]);
});

test("a field that is none, or has none of its values, is refused by name", async (t) => {
  const path = join(await temporaryFolder(t), "config.json");
  const cases: [object, RegExp][] = [
    [{ sed: 1 }, /config\.json: sed is no setting[\s\S]*perhaps seed/],
    [{ seed: "one" }, /config\.json: seed: expected a whole number from 0 on/],
    [{ resize: "cubic" }, /config\.json: resize: expected pillow, tf/],
    [{ schedule: [] }, /config\.json: schedule: /],
    [{ resolution: { precrop: 20 } }, /config\.json: resolution\.crop: /],
    [{ keep: 0 }, /config\.json: keep: expected a whole number from 1 on/],
    [{ datadir: 3 }, /config\.json: datadir: /],
  ];
  for (const [change, message] of cases) {
    await writeFile(path, JSON.stringify({ version: 1, ...config, ...change }));
    await assert.rejects(readConfig(path), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a config.json of the first version is read: no version, data or keep, and datadir null", async (t) => {
  const path = join(await temporaryFolder(t), "config.json");
  const { data, keep, flip, ...early } = config;
  await writeFile(path, JSON.stringify({ ...early, datadir: null }));
  const known = (await readConfig(path))!;
  assert.equal(known.datadir, null);
  assert.deepEqual(changedSettings(known, config), []);
  // All runs were of mirrored images.
  assert.deepEqual(changedSettings(known, { ...config, flip: false }), [
    "--flip was true, is now false",
  ]);
});

test("what may change is what changes no result", () => {
  const free = ["version", "name", "evalBatch", "dataset", "datadir", "workers", "cache"];
  const ofSteps = ["evalEvery", "evalFirst", "saveEvery", "saveMinutes", "keep"];
  const deciding = ["seed", "batch", "split", "schedule", "precision", "remat", "resize", "recipe"];
  const ofLoss = ["labelSmoothing", "classWeights"];
  const ofImages = ["flip"];
  for (const key of [...free, ...ofSteps]) assert.ok(freeKeys.has(key), key);
  for (const key of [...deciding, ...ofLoss, ...ofImages]) assert.ok(!freeKeys.has(key), key);
});

test("the hash of what decides a result is that of earlier versions", () => {
  // As computed before the format had a schema of its own; manifests hold it.
  const expected = "3ec3ef1452d7b86b0dfbad8c86977bc74a9eeeea140e90c3b4ab7d3375a3e4f6";
  assert.equal(configurationHash(config), expected);
  assert.equal(configurationHash({ ...config, workers: 7, keep: 9, evalBatch: 1 }), expected);
  assert.notEqual(configurationHash({ ...config, seed: 1 }), expected);
  assert.notEqual(configurationHash({ ...config, labelSmoothing: 0.1 }), expected);
  assert.notEqual(configurationHash({ ...config, classWeights: "balanced" }), expected);
  assert.notEqual(configurationHash({ ...config, flip: false }), expected);
});

test("the loop's plan has no more of a configuration than the loop follows", () => {
  const plan = planOf({ ...config, evalEvery: null });
  assert.equal(plan.evalEvery, undefined);
  assert.deepEqual(Object.keys(plan).toSorted(), [
    ...[
      "baseLr",
      "batch",
      "classWeights",
      "evalBatch",
      "evalEvery",
      "evalFirst",
      "flip",
      "mixupAlpha",
      "resolution",
    ],
    ...["saveEvery", "saveMinutes", "schedule", "seed", "split"],
  ]);
});
