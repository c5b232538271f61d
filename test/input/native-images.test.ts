import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { openEngine } from "../../src/engine/open.js";
import { floats, type HostTensor, SessionError } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import {
  gatherResizeCrop,
  normalizeBytes,
  resizeCrop,
  upright,
} from "../../src/input/native-images.js";
import { fixturePath } from "../fixture-path.js";
import { batches } from "./batches.js";
import { bytes, closing, ints, noise, openGraph } from "./small-graph.js";

const engine = openEngine();
const skip = engine.target.native.layers
  ? false
  : "the engine has no operations of native/kernels/";

interface NoiseCase {
  readonly height: number;
  readonly width: number;
  readonly side: number;
  /** Of Pillow's bytes. */
  readonly sha256: string;
}

const cases = JSON.parse(
  readFileSync(fixturePath("resize", "noise.json"), "utf8"),
) as readonly NoiseCase[];

/** `resizeCrop` of an image to a window, by an operation of its own. */
function openResizeCrop(side: number, crop: number) {
  return openGraph(engine, (builder) => {
    const image = builder.placeholder("image", "uint8", undefined);
    const window = builder.placeholder("window", "int32", undefined);
    return { cropped: resizeCrop(builder, image, window, { side, crop }) };
  });
}

test("the resize gives Pillow's bytes, from one pixel to thousands", { skip }, async () => {
  for (const { height, width, side, sha256 } of cases) {
    const { session, fetch } = openResizeCrop(side, side);
    await closing(session, async () => {
      const image = bytes([height, width, 3], noise(height, width));
      const { data, shape } = await fetch("cropped", { image, window: ints([3], [0, 0, 0]) });
      assert.deepEqual(shape, [side, side, 3]);
      const got = createHash("sha256").update(data).digest("hex");
      assert.equal(got, sha256, `${height}x${width} to ${side}`);
    });
  }
});

test("a window is that part of the whole resize, mirrored if asked for", { skip }, async () => {
  for (const { height, width, side } of cases) {
    const image = bytes([height, width, 3], noise(height, width));
    const take = async (crop: number, window: readonly number[]) => {
      const { session, fetch } = openResizeCrop(side, crop);
      return closing(session, async () => {
        return (await fetch("cropped", { image, window: ints([3], window) })).data;
      });
    };
    const whole = await take(side, [0, 0, 0]);
    const crop = Math.ceil(side * 0.6);
    const [top, left] = [side - crop, Math.floor((side - crop) / 2)];
    for (const flip of [0, 1]) {
      const wanted = new Uint8Array(crop * crop * 3);
      for (let y = 0; y < crop; y++) {
        for (let x = 0; x < crop; x++) {
          const from = (top + y) * side + left + (flip ? crop - 1 - x : x);
          wanted.set(whole.subarray(3 * from, 3 * from + 3), 3 * (y * crop + x));
        }
      }
      const got = await take(crop, [top, left, flip]);
      assert.ok(Buffer.from(wanted).equals(got), `${height}x${width} to ${side}, flip ${flip}`);
    }
  }
});

test("rows of a table are resized as images by themselves", { skip }, async () => {
  const [n, height, width, side, crop] = [5, 9, 7, 20, 13];
  const table = noise(n * height, width);
  const rows = [3, 0, 3, 4];
  const windows = [0, 0, 0, 7, 7, 1, 2, 5, 1, 7, 0, 0];
  const { session, fetch } = openGraph(engine, (builder) => {
    const images = builder.placeholder("images", "uint8", undefined);
    const index = builder.placeholder("rows", "int32", undefined);
    const augmentations = builder.placeholder("windows", "int32", undefined);
    const image = builder.placeholder("image", "uint8", undefined);
    const window = builder.placeholder("window", "int32", undefined);
    return {
      batch: gatherResizeCrop(builder, images, index, augmentations, { side, crop }),
      one: resizeCrop(builder, image, window, { side, crop }),
    };
  });
  await closing(session, async () => {
    const images = bytes([n, height, width, 3], table);
    const feeds = { images, rows: ints([4], rows), windows: ints([4, 3], windows) };
    const batch = (await fetch("batch", feeds)).data;
    for (const [i, row] of rows.entries()) {
      const size = height * width * 3;
      const image = bytes([height, width, 3], table.slice(row * size, (row + 1) * size));
      const window = ints([3], windows.slice(3 * i, 3 * i + 3));
      const one = (await fetch("one", { image, window })).data;
      const length = crop * crop * 3;
      assert.ok(Buffer.from(one).equals(batch.subarray(i * length, (i + 1) * length)), `${i}`);
    }
    const refused = async (changed: Record<string, HostTensor>, message: RegExp) => {
      await assert.rejects(fetch("batch", { ...feeds, ...changed }), message);
    };
    await refused({ rows: ints([4], [0, 0, 5, 0]) }, /a row lies outside the table/);
    await refused({ rows: ints([4], [0, 0, -1, 0]) }, /a row lies outside the table/);
    await refused({ rows: ints([3], [0, 0, 0]) }, /rows must be \[batch\]/);
    await refused({ images: bytes([45, 7, 3], table) }, /must be \[n, height, width, 3\]/);
  });
});

test("what is no image, or no window in it, is refused by name", { skip }, async () => {
  const { session, fetch } = openResizeCrop(8, 6);
  await closing(session, async () => {
    const image = bytes([2, 2, 3], noise(2, 2));
    const window = ints([3], [2, 2, 1]);
    const refused = async (feeds: Record<string, HostTensor>, message: RegExp) => {
      const run = fetch("cropped", { image, window, ...feeds });
      await assert.rejects(run, (error) => {
        return error instanceof SessionError && message.test(error.message);
      });
    };
    assert.deepEqual((await fetch("cropped", { image, window })).shape, [6, 6, 3]);
    const noImage = /an image must be \[height, width, 3\] and not empty/;
    await refused({ image: bytes([4, 3], noise(2, 2)) }, noImage);
    await refused({ image: bytes([3, 2, 2], noise(2, 2)) }, noImage);
    await refused({ image: bytes([0, 2, 3], new Uint8Array(0)) }, noImage);
    await refused({ window: ints([2], [0, 0]) }, /a window must be \[3\]/);
    for (const outside of [
      [3, 0, 0],
      [0, 3, 0],
      [-1, 0, 0],
      [0, 2 ** 31 - 1, 0],
    ])
      await refused({ window: ints([3], outside) }, /must lie inside the resized image/);
  });
  const tooLarge = openResizeCrop(4, 5);
  await closing(tooLarge.session, async () => {
    const feeds = { image: bytes([2, 2, 3], noise(2, 2)), window: ints([3], [0, 0, 0]) };
    await assert.rejects(tooLarge.fetch("cropped", feeds), /crop must be at least 1/);
  });
});

test("images are turned upright as EXIF says", { skip }, async () => {
  // Larger than the squares that are turned one by one, and not a multiple of them.
  const [height, width] = [70, 45];
  const pixels = noise(height, width);
  // Where pixel (row, column) of the image goes, upright. Source: EXIF 2.3, tag 0x0112.
  const places: readonly ((row: number, column: number) => [number, number])[] = [
    (row, column) => [row, column],
    (row, column) => [row, width - 1 - column],
    (row, column) => [height - 1 - row, width - 1 - column],
    (row, column) => [height - 1 - row, column],
    (row, column) => [column, row],
    (row, column) => [column, height - 1 - row],
    (row, column) => [width - 1 - column, height - 1 - row],
    (row, column) => [width - 1 - column, row],
  ];
  const { session, fetch } = openGraph(engine, (builder) => {
    const image = builder.placeholder("image", "uint8", undefined);
    const orientation = builder.placeholder("orientation", "int32", undefined);
    return { upright: upright(builder, image, orientation) };
  });
  await closing(session, async () => {
    const image = bytes([height, width, 3], pixels);
    for (const [i, place] of places.entries()) {
      const wanted = new Uint8Array(pixels.length);
      const shape = i < 4 ? [height, width, 3] : [width, height, 3];
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const [y, x] = place(row, column);
          const from = 3 * (row * width + column);
          wanted.set(pixels.subarray(from, from + 3), 3 * (y * shape[1]! + x));
        }
      }
      const made = await fetch("upright", { image, orientation: ints([], [i + 1]) });
      assert.deepEqual(made, { shape, data: wanted }, `orientation ${i + 1}`);
    }
    const unknown = fetch("upright", { image, orientation: ints([], [9]) });
    await assert.rejects(unknown, /an EXIF orientation is 1 to 8/);
  });
});

test("every level becomes (x - 127.5) / 127.5 in float32", { skip }, async () => {
  const levels = Uint8Array.from({ length: 256 }, (_, i) => i);
  const builder = new GraphBuilder();
  const fed = builder.placeholder("levels", "uint8", [256]);
  builder.fetchable("values", normalizeBytes(builder, fed));
  const session = engine.open(builder.build());
  await closing(session, async () => {
    const [values] = await session.run({ levels: bytes([256], levels) }, ["values"]);
    assert.deepEqual(
      floats(values),
      Float32Array.from(levels, (x) => (x - 127.5) / 127.5),
    );
  });
});

test("where the step's device is not the CPU, TensorFlow makes the same numbers", {
  skip,
}, async () => {
  const images = { kind: "pixels", pixels: noise(32, 16), height: 16, width: 16 } as const;
  const split: Split = { images, labels: Int32Array.of(0, 1) };
  const options = { batch: 2, resizeTo: 16, target: engine.target } as const;
  const [here] = await batches(engine.open, split, options, [0, 1]);
  const target = { ...engine.target, deviceMemoryBytes: 2 ** 30 };
  const [there] = await batches(engine.open, split, { ...options, target }, [0, 1]);
  assert.deepEqual(there!.labels, here!.labels);
  const differences = here!.values.map((value, i) => Math.abs(value - there!.values[i]!));
  // TensorFlow multiplies by 1 / 127.5: one rounding more, of values up to 1.
  assert.ok(Math.max(...differences) < 1.2e-7, `${Math.max(...differences)}`);
});

test("batches do not depend on the number of workers", { skip }, async () => {
  const [n, size] = [40, 16];
  const pixels = noise(n * size, size);
  const images = { kind: "pixels", pixels, height: size, width: size } as const;
  const split: Split = { images, labels: Int32Array.from({ length: n }, (_, i) => i) };
  // 48 examples are two parts of 24; 32, one; 37, a prime, are made one by one.
  for (const batch of [48, 32, 37]) {
    const options = { batch, resizeTo: 24, crop: 16, target: engine.target };
    const order = Array.from({ length: 2 * batch }, (_, i) => (i * 7) % n);
    const augmentations = Int32Array.from({ length: 6 * batch }, (_, i) => (i * 5) % 9);
    const [one, ...others] = await Promise.all(
      [1, 2, 5].map((workers) => {
        return batches(engine.open, split, { ...options, workers }, order, augmentations);
      }),
    );
    for (const other of others) assert.deepEqual(other, one);
  }
});
