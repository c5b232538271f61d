/** What labels in shards mean: one class each, or a refusal that says what was found instead. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Dataset } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";
import { example, type Feature, tfRecords } from "../tfrecord-files.js";

const image = await readFile(fixturePath("data", "images", "rgba.png"));
const options = { name: "mine", seed: 0 };

type Features = Readonly<Record<string, Feature>>;

/** A shard to train on, of the given features beside an image, and a held-out one of the same. */
async function load(
  t: TestContext,
  train: readonly Features[],
  val: readonly Features[] = train,
): Promise<Dataset> {
  const folder = await temporaryFolder(t);
  const shard = (all: readonly Features[]) =>
    tfRecords(all.map((features) => example({ image, ...features })));
  await writeTree(folder, { "train.tfrecord": shard(train), "val.tfrecord": shard(val) });
  const dataset = await loadPath(folder, options);
  assert.ok(dataset !== undefined);
  return dataset;
}

const labelsOf = async (...given: Parameters<typeof load>) => {
  const { classNames, train } = await load(...given);
  return Array.from(train.labels, (label) => classNames[label]);
};

test("a vector with a single 1 is the class of its place, in whole numbers and floats", async (t) => {
  const vectors = [
    [0, 0, 1],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  const expected = ["2", "0", "1", "2"];
  assert.deepEqual(
    await labelsOf(
      t,
      vectors.map((label) => ({ label })),
    ),
    expected,
  );
  const floats = vectors.map((label) => ({ label: { floats: label } }));
  assert.deepEqual(await labelsOf(t, floats), expected);
});

test("several labels, none, and parts of labels are refused with their record", async (t) => {
  const fine = { label: [0, 1, 0] };
  const cases: readonly (readonly [first: Features, second: Features, message: RegExp])[] = [
    [fine, { label: [0, 1, 1] }, /holds 3 numbers \(0, 1, 1\): several labels, and one class/],
    [fine, { label: [3, 5] }, /holds 2 numbers \(3, 5\): several labels/],
    [fine, { label: [0, 0, 0] }, /holds 3 numbers \(0, 0, 0\), all 0: no class at all/],
    [fine, { label: { floats: [0.1, 0.9, 0] } }, /\(0\.1, 0\.9, 0\): parts of several classes/],
    [fine, { label: [0, 1, 0, 0] }, /vectors of 4 numbers, .* vectors of 3 numbers/],
    [fine, { label: [1] }, /labels that are numbers, where those before it are vectors of 3/],
    [{ label: "cat" }, { label: [1] }, /labels that are numbers, where .* words/],
    [{ label: [1] }, { label: { floats: [0.5] } }, /holds 0\.5, which is no number of a class/],
    [{ label: [1] }, { label: [-1] }, /holds -1, which says that the image has no label/],
    [{ label: [1] }, { label: [2 ** 53] }, /holds 9007199254740992, which is no number of a class/],
    [
      { label: [1] },
      { label: new Uint8Array(8) },
      /the feature label holds bytes that are no text/,
    ],
    [{ label: "a" }, { label: [image, image] }, /the feature label holds 2 texts/],
    [{ label: [1] }, { label: [0], image: [image, image] }, /image holds 2 images, and one/],
    [{ label: [1] }, { label: [0], image_raw: image }, /could be the image: image and image_raw/],
    [{ label: [1] }, { label: [0], target: [1] }, /two labels that differ: label \(0\) and target/],
  ];
  for (const [first, second, message] of cases)
    await assert.rejects(load(t, [first, second]), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      assert.match(error.message, /train\.tfrecord \(record 1\): /);
      return true;
    });
});

test("images are found by the names of img2dataset's and FiftyOne's features", async (t) => {
  const about = { key: "000000", txt: "a photo", height: [2], width: [3] };
  const folder = await temporaryFolder(t);
  for (const [file, feature] of [
    ["00000.tfrecord", "jpg"],
    ["00001.tfrecord", "webp"],
    ["tf.records", "image_bytes"],
    ["tf.records-00000-of-00001", "image_bytes"],
  ] as const) {
    const records = ["cat", "dog", "cat", "dog"].map((label) =>
      example({ ...about, label, [feature]: image }),
    );
    await writeTree(folder, { [`${file} of/${file}`]: tfRecords(records) });
    for (const path of [`${file} of`, `${file} of/${file}`]) {
      const dataset = await loadPath(join(folder, path), { seed: 0 });
      assert.deepEqual(dataset?.classNames, ["cat", "dog"], path);
    }
  }
});

test("labels in words, a number and its word, and Kaggle's names are read", async (t) => {
  const words = ["dog", "cat", "dog", "émeu "].map((label) => ({ label }));
  assert.deepEqual(await labelsOf(t, words), ["dog", "cat", "dog", "émeu"]);
  const digits = ["10", "9", "10"].map((label) => ({ label }));
  assert.deepEqual((await load(t, digits)).classNames, ["9", "10"]);
  // As in Google's shards of flowers: a number, its word, and the vector.
  const flowers = [
    { class: [1], label: "tulips", one_hot_class: { floats: [0, 1] } },
    { class: [0], label: "daisy", one_hot_class: { floats: [1, 0] } },
  ];
  assert.deepEqual(await labelsOf(t, flowers), ["tulips", "daisy"]);
  assert.deepEqual(await labelsOf(t, [{ target: [1] }, { target: [0] }]), ["1", "0"]);
  assert.deepEqual(await labelsOf(t, [{ label: { floats: [3] } }, { label: { floats: [5] } }]), [
    "3",
    "5",
  ]);
});

test("classes go by their numbers, wherever these begin and whatever they leave out", async (t) => {
  const numbers = (...all: number[]) => all.map((label) => ({ label: [label] }));
  const gaps = await load(t, numbers(1, 2, 4, 9, 8, 7, 6, 5), numbers(9, 1));
  assert.deepEqual(gaps.classNames, ["1", "2", "4", "5", "6", "7", "8", "9"]);
  assert.deepEqual([...gaps.val.labels], [7, 0]);
  assert.match(gaps.notes!.join("\n"), /shards of train: no image of label 3/);
  await assert.rejects(
    load(t, numbers(1, 2), numbers(1, 3)),
    /shards of val: has 3, which training lacks/,
  );
});

test("shards whose labels mean different things are no dataset", async (t) => {
  const named = (label: number, text: string) => ({
    "image/encoded": image,
    "image/class/label": [label],
    "image/class/text": text,
  });
  const shard = (...all: Features[]) => tfRecords(all.map((features) => example(features)));
  const folder = await temporaryFolder(t);
  await writeTree(folder, {
    "flowers-train.tfrecord": shard(named(0, "daisy"), named(1, "tulip")),
    "pets-train.tfrecord": shard(named(0, "cat"), named(1, "dog")),
  });
  await assert.rejects(
    loadPath(folder, options),
    /pets-train\.tfrecord: calls label 0 cat, which is daisy before it/,
  );
  await writeTree(folder, {
    "pets-train.tfrecord": shard(named(1, "tulip"), named(1, "rose")),
  });
  await assert.rejects(
    loadPath(folder, options),
    /pets-train\.tfrecord \(record 1\): calls label 1 rose, which is tulip before it/,
  );
});

test("where faults are only reported, shards of another dataset are named and left out", async (t) => {
  const folder = await temporaryFolder(t);
  const shard = (...labels: Feature[]) =>
    tfRecords(labels.map((label) => example({ image, label })));
  await writeTree(folder, {
    "a.tfrecord": shard([0], [1], [0], [1]),
    "b.tfrecord": shard("cat", "dog"),
    "c.tfrecord": shard([0, 1], [1, 0]),
  });
  const dataset = await loadPath(folder, { ...options, badImages: "report" });
  assert.equal((dataset?.train.labels.length ?? 0) + (dataset?.val.labels.length ?? 0), 4);
  assert.match(
    dataset!.faults!.join("\n"),
    /b\.tfrecord: labels that are words.*\n.*c\.tfrecord: labels/,
  );
});

test("a file that stands for a shard is told as that", async (t) => {
  const folder = await temporaryFolder(t);
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  for (const name of ["a.parquet", "a.tfrecord", "a.tar"]) {
    await writeTree(folder, { [name]: pointer });
    const path = `${folder}/${name}`;
    await assert.rejects(loadPath(path, options), /a Git LFS pointer .*git lfs pull/s);
    await writeTree(folder, { [name]: "<!DOCTYPE html><html>" });
    await assert.rejects(loadPath(path, options), /is a web page/);
  }
});

test("a shard without a record is no image of a dataset", async (t) => {
  const folder = await temporaryFolder(t);
  const one = (label: number) => example({ image, label: [label] });
  await writeTree(folder, { "a.tfrecord": tfRecords([one(0), one(1), one(0)]), "b.tfrecord": "" });
  assert.equal((await loadPath(folder, options))?.train.labels.length, 2);
  await writeTree(folder, { "a.tfrecord": "" });
  await assert.rejects(loadPath(folder, options), /no record in the shards/);
});

test("names of classes in a file beside are used where they name every label", async (t) => {
  const folder = await temporaryFolder(t);
  const one = (label: number) => example({ image, label: [label] });
  const all = tfRecords([one(1), one(2), one(1), one(2)]);
  const namesWith = async (text: string) => {
    await writeTree(folder, { "a.tfrecord": all, "labels.txt": text });
    const { classNames, notes } = (await loadPath(folder, options))!;
    return [...classNames, ...(notes ?? [])].join("|");
  };
  assert.match(
    await namesWith("0:daisy\n1:rose\n2:tulip\n"),
    /^rose\|tulip\|.*named by .*labels\.txt$/,
  );
  assert.match(await namesWith("daisy\r\nrose\r\ntulip\r\n"), /^rose\|tulip\|/);
  // Labels from 1 on, and names without one for 0.
  assert.match(await namesWith("rose\ntulip\n"), /^1\|2\|labels\.txt is not used: .* every label$/);
  // A line for each image.
  assert.match(await namesWith("rose\nrose\ntulip\n"), /^1\|2$/);
});
