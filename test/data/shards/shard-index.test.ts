import assert from "node:assert/strict";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { indexShard } from "../../../src/data/shards/shard-index.js";
import { tfRecordImages } from "../../../src/data/shards/tfrecord-images.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";
import { example, tfRecords } from "../tfrecord-files.js";

const PNG = await readFile(fixturePath("data", "images", "rgba.png"));
const LONG_AGO = new Date("2020-07-29T10:14:32.123Z");

/** A record as TF-Slim's script for ImageNet writes it. */
function slim(label: number, synset: string, text: string, padding = 0): Uint8Array {
  return example({
    "image/encoded": PNG,
    "image/class/label": [label],
    "image/class/synset": synset,
    "image/class/text": text,
    "image/padding": new Uint8Array(padding),
  });
}

async function shardOf(t: TestContext, padding: number) {
  const folder = await temporaryFolder(t);
  const shard = join(folder, "a.tfrecord");
  const records = [slim(7, "n01440764", "tench", padding), slim(9, "n01443537", "goldfish")];
  await writeFile(
    shard,
    tfRecords([...records, example({ image: PNG.subarray(0, 60), label: [7] })]),
  );
  await utimes(shard, LONG_AGO, LONG_AGO);
  const images = () => tfRecordImages(shard, undefined);
  return { shard, reading: { shard, as: "test", images }, cache: join(folder, "cache") };
}

test("what is found in a large shard is kept until the shard changes", async (t) => {
  const { shard, reading, cache } = await shardOf(t, 2 ** 20);
  const read = await indexShard(reading, undefined, cache);
  assert.deepEqual(read.labels, [7, 9, 7]);
  assert.deepEqual(read.texts, [
    [7, "n01440764 tench"],
    [9, "n01443537 goldfish"],
  ]);
  const [kept] = await readdir(join(cache, "shards"));
  const file = join(cache, "shards", kept!);
  assert.deepEqual(await indexShard(reading, undefined, cache), read);
  await writeFile(file, (await readFile(file, "utf8")).replace("tench", "kept"));
  assert.deepEqual((await indexShard(reading, undefined, cache)).texts[0], [7, "n01440764 kept"]);

  await utimes(shard, LONG_AGO, new Date(LONG_AGO.getTime() + 1000));
  assert.deepEqual(await indexShard(reading, undefined, cache), read);
  await writeFile(file, "damaged");
  assert.deepEqual(await indexShard(reading, undefined, cache), read);
});

test("of a small shard, or one that changed just now, nothing is kept", async (t) => {
  const small = await shardOf(t, 0);
  await indexShard(small.reading, undefined, small.cache);
  await assert.rejects(readdir(small.cache), { code: "ENOENT" });
  const fresh = await shardOf(t, 2 ** 20);
  await utimes(fresh.shard, new Date(), new Date());
  await indexShard(fresh.reading, undefined, fresh.cache);
  await assert.rejects(readdir(fresh.cache), { code: "ENOENT" });
});

test("held-out shards alone are labelled by the model's classes", async (t) => {
  const folder = await temporaryFolder(t);
  const val = {
    "validation-00000-of-00001": tfRecords([
      slim(2, "n01443537", "goldfish"),
      slim(1, "n01440764", "tench"),
    ]),
  };
  await writeTree(folder, val);
  const options = { name: "mine", seed: 0 };
  await assert.rejects(loadPath(folder, options), /but none to train on/);
  const classNames = ["n01440764 tench, Tinca tinca", "n01484850 shark", "n01443537 goldfish"];
  const use = (names: readonly string[] | undefined, classes = 2) => {
    return { ...options, evaluation: { classNames: names, classes, trainedOn: false } };
  };
  const only = use(classNames, 3);
  const dataset = await loadPath(folder, only);
  assert.deepEqual(dataset?.classNames, classNames);
  assert.deepEqual([...dataset.val.labels], [2, 0]);
  assert.equal(dataset.train.labels.length, 0);
  const pattern = await loadPath(join(folder, "validation-*"), only);
  assert.deepEqual([...pattern!.val.labels], [2, 0]);
  await assert.rejects(
    loadPath(folder, use(["cat", "dog"])),
    /has n01440764 tench, n01443537 goldfish, which are no classes of the model/,
  );
  const unknown = await loadPath(folder, use(undefined));
  assert.deepEqual(unknown?.classNames, ["n01440764 tench", "n01443537 goldfish"]);

  // Training shards are read where the held-out ones do not tell the model's classes, and only there.
  await writeTree(folder, { "train-00000-of-00001": "damaged" });
  assert.deepEqual([...(await loadPath(folder, only))!.val.labels], [2, 0]);
  await assert.rejects(loadPath(folder, use(["cat", "dog"])), /train-00000-of-00001 \(record 0\)/);
});
