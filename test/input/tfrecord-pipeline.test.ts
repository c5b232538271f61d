import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSource, Split } from "../../src/data/dataset.js";
import { loadPath } from "../../src/data/files/dataset-at-path.js";
import { readImageHeader } from "../../src/data/files/image-header.js";
import { type HostTensor, SessionError } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { plainTarget } from "../../src/graph/target.js";
import { decodeAll } from "../../src/input/decode-all.js";
import { readRange } from "../../src/input/native-images.js";
import { findUnreadable } from "../../src/input/unreadable.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { example, tfRecords } from "../data/tfrecord-files.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { batches, fileSplit } from "./batches.js";
import { closing } from "./small-graph.js";

const skip = engine.target.native.host ? false : "the engine has no operations of native/kernels/";
const { open } = engine;
const imagePath = (name: string) => fixturePath("data", "images", name);

async function trainPart(folder: string, format = "tfrecord"): Promise<Split> {
  const dataset = await loadPath(fixturePath("data", format, folder), { seed: 0 });
  assert.ok(dataset !== undefined);
  return dataset.train;
}

function filesOf({ images }: Split): FileSource {
  assert.ok(images.kind === "files");
  return images;
}

/** The fixture's training images, in its order, as files. */
const names = [
  ...["colour.jpg", "exif-6.jpg", "rgba.png", "grey.jpg"],
  ...["two-frames.gif", "exif-3.jpg", "cmyk.jpg"],
];

for (const cacheBytes of [undefined, 1e6]) {
  const way = cacheBytes === undefined ? "" : ", with a cache";
  test(`batches from shards are those from the same files${way}`, { skip }, async (t) => {
    // Parquet's images are unpacked there.
    process.env["BIT_CACHE"] = await temporaryFolder(t);
    t.after(() => delete process.env["BIT_CACHE"]);
    const headers = await Promise.all(names.map((name) => readImageHeader(imagePath(name))));
    const orientations = headers.map((h) => (h.kind === "readable" ? h.orientation : 1));
    const files = fileSplit(names, orientations);
    const indices = [6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6];
    const augmentations = Int32Array.from(
      { length: 42 },
      (_, i) => [i % 5, (2 * i) % 7, i % 2][i % 3]!,
    );
    const options = { batch: 7, resizeTo: 40, crop: 32, target: engine.target, cacheBytes };
    for (const [folder, format] of [
      ["slim", "tfrecord"],
      ["tfds", "tfrecord"],
      ["webdataset", "shards"],
      ["parquet", "shards"],
    ] as const) {
      const shards = { ...(await trainPart(folder, format)), labels: files.labels };
      const [made, wanted] = [
        await batches(open, shards, options, indices, augmentations),
        await batches(open, files, options, indices, augmentations),
      ];
      assert.equal(made.length, 2);
      assert.deepEqual(made, wanted);
    }
  });
}

test("without operations of its own an engine cannot read shards, and says so", async () => {
  const shards = await trainPart("slim");
  const message = /train-00000-of-00002: the images are parts of files.*npx bit-setup/s;
  const run = batches(open, shards, { batch: 1, resizeTo: 8, target: plainTarget }, [0]);
  await assert.rejects(run, { name: "UserError", message });
  const search = decodeAll({ open, target: plainTarget }, filesOf(shards), { workers: 1 });
  await assert.rejects(search, { name: "UserError", message });
});

test("a part of a file is read as it is, or the file is named", { skip }, async (t) => {
  const path = join(await temporaryFolder(t), "some file");
  const contents = await readFile(imagePath("colour.bmp"));
  await writeFile(path, contents);
  const builder = new GraphBuilder();
  const [file, offset, length] = [
    builder.placeholder("file", "string", undefined),
    builder.placeholder("offset", "int64", undefined),
    builder.placeholder("length", "int64", undefined),
  ] as const;
  builder.fetchable("bytes", readRange(builder, file, offset, length));
  const session = open(builder.build());
  const int64 = (...values: number[]): HostTensor => {
    const shape = values.length === 1 ? [] : [values.length];
    return { type: "int64", shape, data: BigInt64Array.from(values, BigInt) };
  };
  await closing(session, async () => {
    const read = async (name: string, from: HostTensor, bytes: HostTensor) => {
      const data = [new TextEncoder().encode(name)];
      const feeds = {
        file: { type: "string", shape: [], data },
        offset: from,
        length: bytes,
      } as const;
      const [value] = await session.run(feeds, ["bytes"]);
      return Buffer.from((value!.data as Uint8Array[])[0]!);
    };
    for (const [from, bytes] of [
      [0, 1],
      [7, 20],
      [1, 4000],
      [0, contents.length],
      [contents.length, 0],
    ] as const) {
      const got = await read(path, int64(from), int64(bytes));
      assert.ok(got.equals(contents.subarray(from, from + bytes)), `${from} ${bytes}`);
    }
    const refused = (reading: Promise<unknown>, message: RegExp) =>
      assert.rejects(
        reading,
        (error) => error instanceof SessionError && message.test(error.message),
      );
    const size = contents.length;
    const ends = new RegExp(`some file: the file ends at byte ${size}`);
    await refused(read(path, int64(size - 3), int64(4)), ends);
    await refused(read(`${path}s`, int64(0), int64(4)), /some files: No such file or directory/);
    await refused(read(path, int64(-1), int64(4)), /must not be negative/);
    await refused(read(path, int64(0), int64(-4)), /must not be negative/);
    await refused(read(path, int64(0), int64(2 ** 40)), /length beyond 2\^31/);
    await refused(read(path, int64(0, 1), int64(4)), /must be scalars/);
  });
});

/** Files or records of which some are cut off behind their headers. */
async function withCutImages(folder: string, count: number, isCut: (i: number) => boolean) {
  const whole = await readFile(imagePath("colour.jpg"));
  const images = Array.from({ length: count }, (_, i) => {
    return isCut(i) ? whole.subarray(0, whole.length / 2 + i) : whole;
  });
  const shard = join(folder, "part.tfrecord");
  const records = images.map((image, i) => example({ image, label: [i % 2] }));
  await writeFile(shard, tfRecords(records));
  const paths = images.map((_, i) => join(folder, `${i}.jpg`));
  await Promise.all(paths.map((path, i) => writeFile(path, images[i]!)));
  return { shard, files: filesOf(fileSplit(paths)) };
}

test("every image that cannot be decoded is found, and no other", async (t) => {
  const folder = await temporaryFolder(t);
  const cut = (i: number) => i % 50 === 3 || i === 199;
  const { files } = await withCutImages(folder, 200, cut);
  const done: number[] = [];
  const progress = (count: number, total: number) => done.push(count, total);
  const found = await decodeAll(engine, files, { workers: 3, progress });
  assert.deepEqual(
    found.map(({ index }) => index),
    [3, 53, 103, 153, 199],
  );
  assert.equal(found[1]?.path, files.paths[53]);
  assert.match(found[1]?.reason ?? "", /Invalid JPEG|corrupt/i);
  assert.deepEqual(done.slice(-2), [200, 200]);
  const only = (kept: number[]) => ({
    ...files,
    ...filesOf(fileSplit(kept.map((i) => files.paths[i]!))),
  });
  assert.deepEqual(await decodeAll(engine, only([]), { workers: 2 }), []);
  assert.deepEqual(await decodeAll(engine, only([1]), { workers: 2 }), []);
  assert.equal((await decodeAll(engine, only([3]), { workers: 2 })).length, 1);
  assert.equal((await decodeAll(engine, fileNotThere(folder), { workers: 2 })).length, 1);
});

function fileNotThere(folder: string): FileSource {
  return filesOf(fileSplit([join(folder, "none.jpg")]));
}

test("a search can be stopped", async () => {
  const controller = new AbortController();
  const names = new Array<string>(200).fill("colour.jpg");
  const search = decodeAll(engine, filesOf(fileSplit(names)), {
    workers: 1,
    progress: () => controller.abort(new Error("enough")),
    signal: controller.signal,
  });
  await assert.rejects(search, /enough/);
});

test("a record that cannot be decoded is told by its number", { skip }, async (t) => {
  const { shard } = await withCutImages(await temporaryFolder(t), 8, (i) => i === 5);
  const dataset = await loadPath(shard, { seed: 0 });
  const parts = [dataset!.train, dataset!.val].map(filesOf);
  const found = await Promise.all(
    parts.map((files) => findUnreadable(engine, files, files.paths.keys())),
  );
  const all = await Promise.all(parts.map((files) => decodeAll(engine, files, { workers: 2 })));
  const expected = [`${shard} (record 5)`];
  assert.deepEqual(
    found.flatMap((image) => (image === undefined ? [] : [image.path])),
    expected,
  );
  assert.deepEqual(
    all.flat().map(({ path }) => path),
    expected,
  );
});
