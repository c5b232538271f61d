/** Shards as TFDS, Hugging Face's datasets and webdataset write them: scripts/make-shard-fixtures.py. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { exampleName } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { columnsOf } from "../../../src/data/shards/parquet-columns.js";
import { parquetReading } from "../../../src/data/shards/parquet-images.js";
import { fixturePath } from "../../fixture-path.js";
import { tarOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";
import { example, tfRecords } from "../tfrecord-files.js";

const fixture = (...parts: string[]) => fixturePath("data", "shards", ...parts);
const image = (name: string) => readFile(fixturePath("data", "images", name));
const options = { name: "mine", seed: 0 };
const png = await image("rgba.png");

async function load(path: string): Promise<Dataset> {
  const dataset = await loadPath(path, options);
  assert.ok(dataset !== undefined);
  return dataset;
}

/** Runs with a cache of its own. */
async function withCache<T>(t: TestContext, use: (cache: string) => Promise<T>): Promise<T> {
  const before = process.env["BIT_CACHE"];
  const cache = await temporaryFolder(t);
  process.env["BIT_CACHE"] = cache;
  try {
    return await use(cache);
  } finally {
    if (before === undefined) delete process.env["BIT_CACHE"];
    else process.env["BIT_CACHE"] = before;
  }
}

/** The bytes of a part's images, where they lie. */
async function bytesOf({ images }: Split): Promise<Buffer[]> {
  assert.ok(images.kind === "files" && images.ranges !== undefined);
  const { paths, ranges } = images;
  return Promise.all(
    paths.map(async (path, i) => {
      const offset = ranges.offsets[i]!;
      return (await readFile(path)).subarray(offset, offset + ranges.lengths[i]!);
    }),
  );
}

const TRAIN = [
  ...["colour.jpg", "exif-6.jpg", "rgba.png", "grey.jpg"],
  ...["two-frames.gif", "exif-3.jpg", "cmyk.jpg"],
];
const TEST = ["progressive.jpg", "exif-8.jpg", "palette.png"];

async function checkImages(split: Split, names: readonly string[]): Promise<void> {
  const found = await bytesOf(split);
  assert.equal(found.length, names.length);
  for (const [i, name] of names.entries()) assert.ok(found[i]!.equals(await image(name)), name);
}

test("TFDS tells image, label, names and splits in its own files", async () => {
  for (const path of [fixture("tfds", "pictures"), fixture("tfds", "pictures", "1.0.0")]) {
    const dataset = await load(path);
    // Not `age`, the other label; and `Training` and `dev` are splits.
    assert.deepEqual(dataset.classNames, ["crane", "lamp", "machine"]);
    assert.deepEqual([dataset.train.labels.length, dataset.val.labels.length], [6, 3]);
    assert.match(dataset.notes!.join("\n"), /not used: pictures-unsupervised\.tfrecord/);
  }
});

test("TFDS's images of floats and lists of labels are refused by name", async () => {
  await assert.rejects(load(fixture("tfds", "floats")), {
    name: "UserError",
    message:
      /features\.json: image: an Image of dtype float32, whose PNG files hold the numbers' bytes/,
  });
  await assert.rejects(
    load(fixture("tfds", "several")),
    /no ClassLabel among its features: image, labels/,
  );
  const sixteen = await load(fixture("tfds", "sixteen"));
  assert.match(sixteen.notes!.join("\n"), /16 bits a value, of which the upper 8 are used/);
});

test("of several datasets in a folder one is to be named, be they sound or not", async (t) => {
  await assert.rejects(
    load(fixture("tfds")),
    /several datasets in it: floats\/1\.0\.0, pictures\/1\.0\.0, several\/1\.0\.0, sixteen\/1\.0\.0/,
  );
  const folder = await temporaryFolder(t);
  for (const version of ["1.0.0", "2.0.0"])
    await cp(fixture("tfds", "sixteen", "1.0.0"), join(folder, "sixteen", "config", version), {
      recursive: true,
    });
  await assert.rejects(load(folder), /several datasets .*sixteen\/config\/1\.0\.0/);
  await rm(join(folder, "sixteen", "config", "1.0.0"), { recursive: true });
  assert.equal((await load(folder)).train.labels.length, 3);
});

test("a shard of TFDS that lacks records, or a shard, is refused", async (t) => {
  const folder = await temporaryFolder(t);
  await cp(fixture("tfds", "sixteen", "1.0.0"), folder, { recursive: true });
  const path = join(folder, "sixteen-train.tfrecord-00000-of-00001");
  const whole = await readFile(path);
  const first = 16 + Number(whole.readBigUInt64LE());
  // Cut between two records, which no checksum tells.
  await writeFile(path, whole.subarray(first));
  await assert.rejects(
    load(folder),
    /00000-of-00001: 5 records\n.*6, as dataset_info\.json has it/,
  );
  const info = await readFile(join(folder, "dataset_info.json"), "utf8");
  const two = info.replace(/"6"/, '"6", "3"');
  await writeTree(folder, {
    "dataset_info.json": two,
    "sixteen-train.tfrecord-00000-of-00002": whole,
  });
  await rm(path);
  await assert.rejects(
    load(folder),
    /sixteen-train\.tfrecord-00001-of-00002: there is no such file/,
  );
  await writeTree(folder, { "dataset_info.json": info.replace("tfrecord", "array_record") });
  await assert.rejects(
    load(folder),
    /whose shards are array_record files.*--file_format=tfrecord/s,
  );
});

test("shards lie in folders of the parts; a folder of images is one all the same", async (t) => {
  const folder = await temporaryFolder(t);
  const shard = tfRecords([0, 1, 0, 1].map((label) => example({ image: png, class: [label] })));
  await writeTree(folder, {
    "flowers/Train/00-224x224-4.tfrec": shard,
    "flowers/Train/01-224x224-4.tfrec": shard,
    "flowers/Train/01-224x224-4.tfrec.index": "",
    "flowers/valid/00-224x224-4.tfrec": shard,
    "photos/cats/1.png": png,
    "photos/cats/2.png": png,
    "photos/dogs/1.png": png,
    "photos/dogs/photos.tar": "what they came in",
    "photos/photos.tar.gz": "what they came in",
    "photos/table.parquet": "about them",
  });
  const flowers = await load(join(folder, "flowers"));
  assert.deepEqual([flowers.train.labels.length, flowers.val.labels.length], [8, 4]);
  assert.deepEqual((await load(join(folder, "photos"))).classNames, ["cats", "dogs"]);
});

test("Parquet's images are unpacked once, whatever their compression", async (t) => {
  await withCache(t, async (cache) => {
    const dataset = await load(fixture("parquet"));
    assert.deepEqual(dataset.classNames, ["crane", "lamp", "machine"]);
    assert.deepEqual([...dataset.train.labels], [0, 1, 2, 0, 2, 1, 2]);
    await checkImages(dataset.train, TRAIN);
    await checkImages(dataset.val, TEST);
    assert.match(dataset.notes!.join("\n"), new RegExp(`unpacked into ${cache}/unpacked, where`));
    const { images } = dataset.train;
    assert.ok(images.kind === "files");
    assert.match(
      exampleName(images, 5),
      /parquet\/data\/train-00001-of-00002\.parquet \(record 1\)$/,
    );

    for (const codec of ["none", "snappy", "gzip", "zstd", "brotli", "lz4", "words"]) {
      const { train, val, classNames } = await load(
        fixture("parquet-compressed", `${codec}.parquet`),
      );
      assert.deepEqual(classNames, ["crane", "lamp", "machine"], codec);
      const all = [...(await bytesOf(train)), ...(await bytesOf(val))].map(String).sort();
      const wanted = await Promise.all(TRAIN.slice(0, 4).map(image));
      assert.deepEqual(all, wanted.map(String).sort(), codec);
    }
  });
});

test("what was unpacked is used again, made anew where it is gone, and replaced", async (t) => {
  await withCache(t, async (cache) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, "a.parquet");
    const set = (name: string, seconds: number) => writeOld(path, name, seconds);
    const unpacked = async () => {
      const { images } = (await load(path)).train;
      assert.ok(images.kind === "files");
      return images.paths[0]!;
    };
    await set("snappy", 1);
    const first = await unpacked();
    const { mtimeMs, ino } = await stat(first);
    assert.equal(await unpacked(), first);
    assert.deepEqual([(await stat(first)).mtimeMs, (await stat(first)).ino], [mtimeMs, ino]);
    await rm(first);
    assert.equal(await unpacked(), first);
    await writeFile(first, "cut off");
    await checkSame(await load(path));
    await set("zstd", 2);
    assert.notEqual(await unpacked(), first);
    assert.deepEqual((await readdir(join(cache, "unpacked"))).length, 1);
  });
});

async function checkSame({ train, val }: Dataset): Promise<void> {
  const all = [...(await bytesOf(train)), ...(await bytesOf(val))];
  assert.ok(all.some((bytes) => bytes.equals(png)));
}

async function writeOld(path: string, codec: string, seconds: number): Promise<void> {
  await writeFile(path, await readFile(fixture("parquet-compressed", `${codec}.parquet`)));
  await utimes(path, seconds, seconds);
}

test("Parquet files that are damaged or hold no images are refused", async (t) => {
  await withCache(t, async (cache) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, "a.parquet");
    const whole = await readFile(fixture("parquet-compressed", "snappy.parquet"));
    await writeFile(path, whole.subarray(0, whole.length - 100));
    await assert.rejects(load(path), /a\.parquet: cannot be read as a Parquet file/);
    const changed = Buffer.from(whole);
    changed.fill(0, 4, 2000);
    await writeFile(path, changed);
    await assert.rejects(load(path), /a\.parquet: cannot be read as a Parquet file/);
    assert.deepEqual(await readdir(join(cache, "unpacked")).catch(() => []), []);
  });
});

test("lists of classes in a Parquet file are refused as what they are", () => {
  const column = (name: string, fields: readonly string[] = []) => ({ name, fields });
  const columnsWith = (...names: readonly string[]) => {
    const columns = [column("image", ["bytes", "path"]), ...names.map((name) => column(name))];
    const types = { image: "Image", label: "ClassLabel", labels: "List" };
    const features = Object.fromEntries(
      Object.entries(types).map(([name, _type]) => [name, { _type }]),
    );
    const metadata = new Map([["huggingface", JSON.stringify({ info: { features } })]]);
    return columnsOf("a.parquet", { columns, metadata });
  };
  assert.throws(() => columnsWith("labels"), /a\.parquet: the column labels holds lists: several/);
  assert.equal(columnsWith("labels", "label").label, "label");
});

test("a Parquet file on which its reader never ends is given up", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a.parquet");
  const whole = await readFile(fixture("parquet-compressed", "gzip.parquet"));
  const start = whole.subarray(22, 93);
  await writeFile(path, Buffer.concat([start, start, whole.subarray(93)]));
  const { images } = await parquetReading(path, { cache: folder, stallMs: 1000 });
  const read = async () => {
    for await (const _ of images());
  };
  await assert.rejects(read, { name: "UserError", message: /nothing came out of it for 1 s/ });
});

test("a webdataset is read where it lies, and its parts go by name", async () => {
  const dataset = await load(fixture("webdataset"));
  assert.deepEqual(dataset.classNames, ["crane", "lamp", "machine"]);
  assert.deepEqual([...dataset.train.labels], [0, 1, 2, 0, 2, 1, 2]);
  await checkImages(dataset.train, TRAIN);
  await checkImages(dataset.val, TEST);
  const two = await load(fixture("webdataset", "train-{000000..000001}.tar"));
  assert.equal(two.train.labels.length + two.val.labels.length, 7);
  await assert.rejects(
    load(fixture("webdataset", "train-{000000..000002}.tar")),
    /1 of 3 shards missing: train-000002\.tar/,
  );
  for (const kind of ["gnu", "pax"]) {
    const long = await load(fixture(`${kind}.tar`));
    assert.deepEqual(long.classNames, ["crane", "lamp", "machine"], kind);
  }
});

test("examples of a webdataset are one image and one class, by webdataset's rule of names", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a.tar");
  const set = async (files: Readonly<Record<string, string | Uint8Array>>) =>
    writeFile(path, await tarOf(files));
  const rest = {
    "x.png": png,
    "x.cls": "1",
    "y.png": png,
    "y.cls": "1\n",
    "z.png": png,
    "z.cls": "0",
  };
  await set({
    "v1.0/a.PNG": png,
    "v1.0/a.seg.png": png,
    "v1.0/a.txt": "a caption",
    "v1.0/a.cls": " 0 ",
    ...rest,
  });
  assert.deepEqual((await load(path)).classNames, ["0", "1"]);
  const cases: readonly (readonly [Readonly<Record<string, string | Uint8Array>>, RegExp])[] = [
    [{ "a.png": png }, /the example a has no class \(cls, or label in json\), but png/],
    [{ "a.png": png, "a.txt": "a caption" }, /the example a has no class .*, but png, txt/],
    [{ "a.png": png, "a.jpg": png, "a.cls": "1" }, /the example a has 2 images: png, jpg/],
    [{ "a.seg.png": png, "a.cls": "1" }, /no image called so alone, but seg\.png/],
    [{ "a.png": png, "a.cls": "-1" }, /a: cls holds -1, which says that the image has no label/],
    [{ "a.png": png, "a.cls": "cat" }, /labels that are numbers, where .* are words/],
    [
      { "a.png": png, "a.json": '{"label": [1, 1]}' },
      /json's label holds 2 numbers \(1, 1\): several/,
    ],
    [{ "a.png": png, "a.json": "[3]" }, /a\.json is no JSON object/],
    [
      { "a.png": png, "a.cls": "1", "a.json": '{"label": 2}' },
      /two labels that differ: cls \(1\) and/,
    ],
    [{ "cats/1.png": png }, /the example cats\/1 has no class/],
  ];
  for (const [files, message] of cases) {
    await set({ ...files, ...rest });
    await assert.rejects(load(path), { name: "UserError", message });
  }
  // A number with its word, in JSON; a vector.
  const json = (label: number, name: string) => JSON.stringify({ label, class_name: name });
  await set({ "1.png": png, "1.json": json(4, "cat"), "2.png": png, "2.json": json(7, "dog") });
  const named = loadPath(path, { ...options, evaluation });
  assert.deepEqual((await named)?.classNames, ["cat", "dog"]);
});

test("img2dataset's table of what it knows of a shard is no shard", async (t) => {
  const folder = await temporaryFolder(t);
  const json = (label: string) =>
    JSON.stringify({ label, caption: "a photo", key: "000", url: "" });
  const shard = (...labels: string[]) =>
    tarOf(
      Object.fromEntries(
        labels.flatMap((label, i) => [
          [`00000${i}.jpg`, png],
          [`00000${i}.json`, json(label)],
          [`00000${i}.txt`, "a photo"],
        ]),
      ),
    );
  await writeTree(folder, {
    "00000.tar": await shard("cat", "dog"),
    "00001.tar": await shard("dog", "cat"),
    "00000.parquet": "",
    "00001.parquet": "",
    "00000_stats.json": "{}",
  });
  for (const path of [".", "{00000..00001}.tar", "0000*"]) {
    const { classNames, train, val, notes } = await load(join(folder, path));
    assert.deepEqual(classNames, ["cat", "dog"], path);
    assert.equal(train.labels.length + val.labels.length, 4);
    assert.doesNotMatch((notes ?? []).join(), /not used/);
  }
});

const evaluation = { classNames: undefined, classes: 2, trainedOn: false } as const;

test("tar archives that are damaged or compressed are refused", async (t) => {
  const folder = await temporaryFolder(t);
  const whole = await readFile(fixture("webdataset", "train-000000.tar"));
  const path = join(folder, "a.tar");
  await writeFile(path, whole.subarray(0, 5000));
  await assert.rejects(load(path), /a\.tar: cannot be read as a tar archive: the file ends within/);
  const changed = Buffer.from(whole);
  changed[512 * 2 + 3]! ^= 1;
  await writeFile(path, changed);
  await assert.rejects(load(path), /the checksum of its member at byte 1024 does not match/);
  await writeFile(path, gzipSync(whole));
  await assert.rejects(load(path), /cannot be read as a tar archive: no tar archive/);
  await writeFile(join(folder, "a.tar.gz"), gzipSync(whole));
  await assert.rejects(load(join(folder, "a.tar.gz")), /a\.tar\.gz: is a compressed tar archive/);
});

test("shards of other formats are refused by name, with what to type", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTree(folder, {
    "disk/data-00000-of-00001.arrow": "",
    "disk/state.json": "{}",
    "disk/dataset_info.json": '{"features": {}, "splits": {}}',
    "dict/train/data-00000-of-00001.arrow": "",
    "dict/test/data-00000-of-00001.arrow": "",
    "dict/dataset_dict.json": "{}",
    "mds/train/shard.00000.mds.zstd": "",
    "mds/train/index.json": "{}",
    "mds/val/shard.00000.mds.zstd": "",
    "lit/chunk-0-0.bin": "",
    "lit/index.json": "{}",
    "lmdb/data.mdb": "",
    "lmdb/lock.mdb": "",
    "hdf5/train.h5": "",
    "numpy/pathmnist.npz": "",
    "mnist/train-images-idx3-ubyte.gz": "",
    "mnist/train-labels-idx1-ubyte.gz": "",
    "cifar/batches.meta": "",
    "cifar/train": "",
    "mxnet/train.rec": "",
    "mxnet/train.idx": "",
    "ffcv/train.beton": "",
    "tfds/a-train.array_record-00000-of-00001": "",
    "saved/dataset_spec.pb": "",
    "saved/snapshot.metadata": "",
    "saved/1170/00000000/00000000.snapshot": "",
  });
  const arrow = /an Arrow file, as Hugging Face's save_to_disk writes it.*to_parquet/s;
  await assert.rejects(load(join(folder, "disk")), arrow);
  await assert.rejects(load(join(folder, "dict")), arrow);
  await assert.rejects(load(join(folder, "disk", "data-00000-of-00001.arrow")), arrow);
  await assert.rejects(load(join(folder, "tfds")), /a shard of TFDS in the format array_record/);
  await assert.rejects(load(join(folder, "saved")), /a dataset as tf\.data's save writes it/);
  await writeTree(folder, { "hive/label=cat/0.parquet": "", "hive/label=dog/0.parquet": "" });
  await assert.rejects(
    load(join(folder, "hive")),
    /several datasets in it: label=cat, label=dog.*partitions: .* the column label in them/s,
  );
  await assert.rejects(load(join(folder, "cifar")), /is of CIFAR's.*--dataset cifar10 --datadir/s);
  const named: readonly (readonly [path: string, called: string])[] = [
    ["mds", "is a shard of MosaicML's streaming \\(MDS\\)"],
    ["lit", "is a chunk as LitData writes it"],
    ["lmdb", "is an LMDB database"],
    ["hdf5", "is an HDF5 file"],
    ["numpy", "is an .npz of arrays"],
    ["mnist", "is an IDX file"],
    ["mxnet", "is a file of records as MXNet writes it"],
    ["ffcv", "is a file of FFCV's"],
  ];
  for (const [path, called] of named)
    await assert.rejects(
      load(join(folder, path)),
      new RegExp(`${called}.*class folders; docs/datasets\\.md has a script`, "s"),
    );
});
