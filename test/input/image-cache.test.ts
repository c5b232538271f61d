import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEngine } from "../../src/engine/open.js";
import { type HostTensor, SessionError } from "../../src/engine/session.js";
import { addImageCache, cachedImage, isCached, keep } from "../../src/input/native-images.js";
import { fixturePath } from "../fixture-path.js";
import { fileSplit, openPipeline, takeBatches } from "./batches.js";
import { bytes, closing, ints, noise, openGraph } from "./small-graph.js";

const engine = openEngine();
const skip = engine.target.native.layers
  ? false
  : "the engine has no operations of native/kernels/";

const names = ["colour.jpg", "exif-6.jpg", "rgba.png", "colour.bmp", "lossy.webp", "exif-3.jpg"];
const orientations = [1, 6, 1, 1, 1, 3];
// Smaller than all of these images: what is kept is the resize.
const small = { batch: 4, resizeTo: 14, crop: 12, target: engine.target };
// Larger than all of them: what is kept is the image.
const large = { batch: 4, resizeTo: 70, crop: 60, target: engine.target };
// Twelve examples an epoch, each image twice, in an order of its own.
const epochs = [0, 1, 2].map((epoch) => {
  const indices = Array.from({ length: 12 }, (_, i) => (i * 5 + epoch) % 6);
  const augmentations = Int32Array.from({ length: 36 }, (_, i) => {
    return i % 3 === 2 ? (i + epoch) % 2 : (i * 7 + epoch) % 3;
  });
  return { indices, augmentations };
});

test("batches are the same with a cache, without, and with one that is full", {
  skip,
}, async () => {
  const split = fileSplit(names, orientations);
  for (const options of [small, large]) {
    const takeAll = async (cacheBytes: number | undefined, workers = 2) => {
      const opened = await openPipeline(engine.open, split, { ...options, cacheBytes, workers });
      try {
        const made = [];
        for (const { indices, augmentations } of epochs)
          made.push(...(await takeBatches(opened, 4, indices, augmentations)));
        return made;
      } finally {
        opened.session.close();
      }
    };
    const without = await takeAll(undefined);
    // None, some and all of the images fit.
    for (const cacheBytes of [0, 6000, 1e6])
      assert.deepEqual(await takeAll(cacheBytes), without, `${cacheBytes} bytes`);
    assert.deepEqual(await takeAll(6000, 5), without);
  }
});

test("what fits is read once, also when the pipeline starts anew", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "bit-train-test-"));
  try {
    const paths = names.map((name) => join(folder, name));
    const copy = () => {
      for (const [i, path] of paths.entries())
        copyFileSync(fixturePath("data", "images", names[i]!), path);
    };
    const split = fileSplit(paths, orientations);
    const [first, second] = [epochs[0]!, epochs[1]!];
    const secondEpochWithoutFiles = async (cacheBytes: number | undefined) => {
      copy();
      const opened = await openPipeline(engine.open, split, { ...small, cacheBytes });
      try {
        await takeBatches(opened, 4, first.indices, first.augmentations);
        for (const path of paths) rmSync(path);
        return await takeBatches(opened, 4, second.indices, second.augmentations);
      } finally {
        opened.session.close();
      }
    };
    const resizedBytes = small.resizeTo ** 2 * 3;
    const made = await secondEpochWithoutFiles(names.length * resizedBytes);
    assert.deepEqual(
      made.flatMap(({ labels }) => [...labels]),
      second.indices,
    );
    await assert.rejects(secondEpochWithoutFiles(names.length * resizedBytes - 1), SessionError);
    await assert.rejects(secondEpochWithoutFiles(undefined), SessionError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** One cache, and the operations on it. Its number can be fed in place of its own. */
function openCache(capacityBytes: number, side: number) {
  return openGraph(engine, (builder) => {
    const cache = addImageCache(builder, capacityBytes);
    const index = builder.placeholder("index", "int32", undefined);
    const image = builder.placeholder("image", "uint8", undefined);
    const other = builder.placeholder("other", "int64", undefined);
    return {
      number: cache,
      has: isCached(builder, cache, index),
      get: cachedImage(builder, cache, index),
      keep: keep(builder, cache, index, image, side),
      hasOther: isCached(builder, other, index),
    };
  });
}

test("a cache keeps the smaller of image and resize, up to its capacity", { skip }, async () => {
  // Room for a resize of 48 bytes and an image of 36, and for 12 bytes more.
  const { session, fetch } = openCache(96, 4);
  await closing(session, async () => {
    const put = (index: number, height: number, width: number) => {
      const image = bytes([height, width, 3], noise(height, width));
      return fetch("keep", { index: ints([], [index]), image });
    };
    const has = async (index: number) => {
      return (await fetch("has", { index: ints([], [index]) })).data[0];
    };
    assert.equal(await has(7), 0);
    await assert.rejects(fetch("get", { index: ints([], [7]) }), /no image of this index/);
    assert.deepEqual((await put(7, 5, 5)).shape, [4, 4, 3]);
    assert.deepEqual((await put(8, 3, 4)).data, noise(3, 4));
    // Not kept for want of room, but given on; a smaller one still finds room.
    assert.deepEqual((await put(9, 3, 4)).data, noise(3, 4));
    await put(10, 2, 2);
    await put(11, 1, 1);
    const kept = await Promise.all([7, 8, 9, 10, 11].map(has));
    assert.deepEqual(kept, [1, 1, 0, 1, 0]);
    assert.deepEqual((await fetch("get", { index: ints([], [7]) })).shape, [4, 4, 3]);
    const image = await fetch("get", { index: ints([], [8]) });
    assert.deepEqual([image.shape, image.data], [[3, 4, 3], noise(3, 4)]);
    const flat = { index: ints([], [12]), image: bytes([12], noise(2, 2)) };
    await assert.rejects(fetch("keep", flat), /an image must be/);
  });
});

test("a cache is gone with its session", { skip }, async () => {
  const first = openCache(100, 4);
  const second = openCache(100, 4);
  await closing(second.session, async () => {
    const number = BigInt((await first.fetch("number")).data[0]!);
    const other: HostTensor = { type: "int64", shape: [], data: BigInt64Array.of(number) };
    const index = ints([], [0]);
    await first.fetch("keep", { index, image: bytes([1, 1, 3], noise(1, 1)) });
    assert.equal((await second.fetch("has", { index })).data[0], 0);
    assert.equal((await second.fetch("hasOther", { index, other })).data[0], 1);
    first.session.close();
    await assert.rejects(second.fetch("hasOther", { index, other }), /is closed/);
  });
});
