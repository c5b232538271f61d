import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import type { FileSource, Split } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { readTfRecords } from "../../../src/data/formats/tfrecord-reader.js";
import { loadShards } from "../../../src/data/shards/shard-dataset.js";
import { shardsIn } from "../../../src/data/shards/shard-files.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";
import { example, tfRecords } from "../tfrecord-files.js";

const fixture = (...parts: string[]) => fixturePath("data", "tfrecord", ...parts);
const image = (name: string) => readFile(fixturePath("data", "images", name));
const options = { name: "mine", seed: 0 };
const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

function filesOf({ images }: Split): FileSource & { ranges: NonNullable<FileSource["ranges"]> } {
  assert.ok(images.kind === "files" && images.ranges !== undefined);
  return { ...images, ranges: images.ranges };
}

/** As in scripts/make-tfrecord-fixtures.py. */
const trainNames = [
  ...["colour.jpg", "exif-6.jpg", "rgba.png", "grey.jpg"],
  ...["two-frames.gif", "exif-3.jpg", "cmyk.jpg"],
];
const valNames = ["progressive.jpg", "exif-8.jpg", "palette.png"];

for (const [folder, classNames] of [
  ["slim", ["crane (1)", "lamp", "crane (3)"]],
  ["tfds", ["crane", "lamp", "machine"]],
] as const) {
  test(`shards that TensorFlow wrote are read where they lie: ${folder}`, async () => {
    const dataset = await loadPath(fixture(folder), options);
    assert.ok(dataset !== undefined);
    assert.equal(dataset.name, folder);
    assert.deepEqual(dataset.classNames, classNames);
    assert.deepEqual([...dataset.train.labels], [0, 1, 2, 0, 2, 1, 2]);
    assert.deepEqual([...dataset.val.labels], [0, 1, 2]);
    assert.deepEqual(dataset.typicalSize, [32, 48]);
    for (const [split, names] of [
      [dataset.train, trainNames],
      [dataset.val, valNames],
    ] as const) {
      const { paths, ranges, orientations, decoders } = filesOf(split);
      for (const [i, name] of names.entries()) {
        const shard = await readFile(paths[i]!);
        const offset = ranges.offsets[i]!;
        const bytes = shard.subarray(offset, offset + ranges.lengths[i]!);
        assert.ok(bytes.equals(await image(name)), name);
        assert.equal(orientations[i], Number(/exif-(\d)/.exec(name)?.[1] ?? 1));
        assert.equal(decoders[i], name.endsWith(".gif") ? "any-image" : "jpeg-or-png");
      }
    }
    assert.deepEqual([...filesOf(dataset.train).ranges.records], [0, 1, 2, 3, 0, 1, 2]);
  });
}

test("a pattern or a single file names shards too; a part is then held out", async () => {
  const [all, one] = await Promise.all([
    loadPath(fixture("tfds", "*.tfrecord-0000?-of-0000*"), options),
    loadPath(fixture("tfds", "mini-train.tfrecord-00000-of-00002"), options),
  ]);
  assert.deepEqual([all?.train.labels.length, all?.val.labels.length], [7, 3]);
  assert.deepEqual([one?.train.labels.length, one?.val.labels.length], [3, 1]);
  await rejects(loadPath(fixture("tfds", "other*"), options), /matches no shard/);
  assert.equal(await loadPath(fixture("nowhere"), options), undefined);
});

test("a byte that was changed anywhere is found, by shard and record", async (t) => {
  const folder = await temporaryFolder(t);
  const whole = await readFile(fixture("slim", "train-00000-of-00002"));
  const path = join(folder, "shard");
  await writeFile(path, whole);
  const ends: number[] = [];
  for await (const { offset, bytes } of readTfRecords(path)) ends.push(offset + bytes.length + 4);
  assert.deepEqual([ends.length, ends.at(-1)], [4, whole.length]);
  // Every 13th byte, and all that lie around a record's borders.
  const border = (at: number) => [0, ...ends].some((end) => Math.abs(at - end) <= 16);
  for (let at = 0; at < whole.length; at++) {
    if (at % 13 !== 0 && !border(at)) continue;
    const changed = Buffer.from(whole);
    changed[at]! ^= 1 << (at % 8);
    await writeFile(path, changed);
    const record = ends.findIndex((end) => at < end);
    const read = async () => {
      for await (const _ of readTfRecords(path));
    };
    await rejects(read(), new RegExp(`shard \\(record ${record}\\): the checksum of its`));
  }
});

test("a file that was cut off anywhere but between records is refused", async (t) => {
  const folder = await temporaryFolder(t);
  const whole = tfRecords([Buffer.alloc(5, 1), Buffer.alloc(0), Buffer.alloc(3, 2)]);
  const path = join(folder, "shard");
  const count = async () => {
    let records = 0;
    for await (const _ of readTfRecords(path)) records += 1;
    return records;
  };
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    const complete = [0, 21, 37, 56].indexOf(length);
    if (complete >= 0) assert.equal(await count(), complete);
    else await rejects(count(), /shard \(record \d\): the file ends within it/);
  }
  await writeFile(path, gzipSync(whole));
  await rejects(count(), /shard \(record 0\): is compressed by gzip/);
  for (const level of [1, 6, 9]) {
    await writeFile(path, deflateSync(whole, { level }));
    await rejects(count(), /shard \(record 0\): is compressed by zlib/);
  }
  await rejects(
    (async () => {
      for await (const _ of readTfRecords(join(folder, "none")));
    })(),
    /none: there is no such file \(ENOENT\)/,
  );
});

test("records larger than what is read at once come whole", async (t) => {
  const folder = await temporaryFolder(t);
  const sizes = [10, 5 << 20, 0, (4 << 20) - 16, 1 << 20, 9 << 20, 3];
  const records = sizes.map((size, i) => Buffer.alloc(size, i + 1));
  await writeFile(join(folder, "shard"), tfRecords(records));
  let at = 0;
  for await (const { index, offset, bytes } of readTfRecords(join(folder, "shard"))) {
    assert.ok(Buffer.from(bytes).equals(records[index]!), `${index}`);
    assert.equal(offset, at + 12);
    at += bytes.length + 16;
  }
  assert.equal(
    at,
    sizes.reduce((sum, size) => sum + size + 16, 0),
  );
});

test("what an example lacks is said, with its record", async (t) => {
  const folder = await temporaryFolder(t);
  const png = await image("rgba.png");
  const good = example({ image: png, label: [3] });
  const path = join(folder, "a.tfrecord");
  const load = async (record: Uint8Array) => {
    await writeFile(path, tfRecords([good, record]));
    return loadPath(path, options);
  };
  for (const [record, message] of [
    [example({ image: png }), /has neither image\/encoded and .* nor image and label, but image\n/],
    [example({}), /but no feature at all/],
    [example({ image: png, label: [] }), /the feature label holds no number/],
    [example({ image: [1], label: [1] }), /the feature image holds no bytes/],
    [
      example({ image_raw: new Uint8Array(18), height: [2], width: [3], label: [1] }),
      /the image is raw pixels, no file/,
    ],
    // tf.io.serialize_tensor of uint8 [1].
    [
      example({ image: Uint8Array.from([8, 4, 18, 4, 18, 2, 8, 1, 34, 1, 7]), label: [1] }),
      /the image is a serialized tensor, no file/,
    ],
    [Buffer.from("no protobuf"), /is no example of an image/],
    [good.subarray(0, good.length - 1), /is no example of an image: .*range/],
  ] as const)
    await rejects(load(record), new RegExp(`a\\.tfrecord \\(record 1\\): .*${message.source}`));
  await rejects(load(example({ image: "text", label: [4] })), /a\.tfrecord \(record 1\) \(/);
});

test("labels are taken as they are, packed or not, and sorted by value", async (t) => {
  const folder = await temporaryFolder(t);
  const png = await image("rgba.png");
  const made = (label: number, packed: boolean) => example({ image: png, label: [label] }, packed);
  const labels = [1000, 7, 2 ** 40, 7, 1000];
  await writeTree(folder, {
    "x-train.tfrecord": tfRecords(labels.map((label, i) => made(label, i % 2 === 0))),
    "x-test.tfrecord": tfRecords([made(7, false)]),
    "x-unsupervised.tfrecord": tfRecords([made(-1, true)]),
    "notes.txt": "",
  });
  const dataset = await loadPath(folder, options);
  assert.deepEqual(dataset?.classNames, ["7", "1000", String(2 ** 40)]);
  assert.deepEqual([...dataset.train.labels], [1, 0, 2, 0, 1]);
  assert.deepEqual([...dataset.val.labels], [0]);
  await writeTree(folder, { "x-test.tfrecord": tfRecords([made(7, true), made(-1, true)]) });
  await rejects(
    loadPath(folder, options) as Promise<unknown>,
    /x-test\.tfrecord \(record 1\): the feature label holds -1, which says that the image has no label/,
  );
});

test("damaged images in whole records are refused or left out, like files", async (t) => {
  const folder = await temporaryFolder(t);
  const png = await image("rgba.png");
  const records = [png, png, Buffer.from("?????"), png, png].map((bytes, i) =>
    example({ "image/encoded": bytes, "image/class/label": [i % 2] }),
  );
  const path = join(folder, "part.tfrecord");
  await writeFile(path, tfRecords(records));
  const shards = { folder, format: "tfrecord", parts: { whole: [{ path }] }, notes: [] } as const;
  await rejects(loadShards(shards, options), /1 of 5 .*part\.tfrecord \(record 2\) \(/);
  const dataset = await loadShards(shards, { ...options, badImages: "skip" });
  assert.equal(dataset.unreadable?.[0]?.path, `${path} (record 2)`);
  const records4 = [dataset.train, dataset.val].flatMap((s) => [...filesOf(s).ranges.records]);
  assert.deepEqual(records4.sort(), [0, 1, 3, 4]);
});

test("parts go by the names of the shards, of which none may be missing", async () => {
  const parts = async (...names: string[]) => {
    const found = await shardsIn("d", names);
    return Object.entries(found.parts).map(([part, shards]) => `${part} ${shards.length}`);
  };
  await assert.rejects(parts("a.jpg", "train.csv"), /matches no shard/);
  const tables: readonly (readonly [names: readonly string[], found: readonly string[]])[] = [
    [
      ["train-00000-of-00001", "validation-00000-of-00001"],
      ["train 1", "val 1"],
    ],
    [["flowers_train_00000-of-00001.tfrecord"], ["train 1"]],
    [["a.tfrecord", "b.tfrecord"], ["whole 2"]],
    [
      ["val_set-train.tfrecord", "val_set-test.tfrecord"],
      ["train 1", "test 1"],
    ],
    [["TEST-00000-of-00001"], ["test 1"]],
    // As on Kaggle.
    [
      ["train00-2071.tfrec", "train01-2071.tfrec", "test00-687.tfrec"],
      ["train 2", "test 1"],
    ],
    [
      ["Training.TFRECORD", "dev.tfrecord", "Evaluation.tfrecords"],
      ["train 1", "val 1", "test 1"],
    ],
    // Index files and checksums beside.
    [["train.tfrecord", "train.tfrecord.index", "train.idx", "val.tfrecord.md5"], ["train 1"]],
    [
      ["train-00000-of-00001.parquet", "test-00000-of-00001-0123456789abcdef.parquet"],
      ["train 1", "test 1"],
    ],
    [
      ["train-000000.tar", "train-000001.tar", "val-000000.tar"],
      ["train 2", "val 1"],
    ],
  ];
  for (const [names, found] of tables) assert.deepEqual(await parts(...names), found, names[0]);
  await assert.rejects(
    parts("train-00000-of-00003", "train-00002-of-00003"),
    /train\*-of-00003: 1 of 3 shards missing: 1\n/,
  );
  await assert.rejects(
    parts("cats-train-00000-of-00001", "dogs-train-00000-of-00001"),
    /shards of 2 sets for one part: cats-train\*-of-00001, dogs-train\*-of-00001/,
  );
  await assert.rejects(
    parts("train-00000-of-00001", "train-00000-of-00002", "train-00001-of-00002"),
    /shards of 2 sets for one part/,
  );
});
