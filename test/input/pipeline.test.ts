import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { readImageHeader } from "../../src/data/image-header.js";
import { floats, integers, SessionError } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { defineDecoders } from "../../src/input/image-functions.js";
import { addPipeline, type PipelineOptions, startPipeline } from "../../src/input/pipeline.js";
import { findUnreadable } from "../../src/input/unreadable.js";
import { open } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

interface Batch {
  /** Grey levels, `[batch, side, side, 3]`. */
  readonly levels: Float32Array;
  readonly labels: Int32Array;
}

/** The batches that a pipeline makes of these examples. */
async function batches(
  split: Split,
  options: Omit<PipelineOptions, "name" | "workers">,
  indices: readonly number[],
  augmentations = new Int32Array(3 * indices.length),
): Promise<Batch[]> {
  const builder = new GraphBuilder();
  defineDecoders(builder);
  const batch = addPipeline(builder, split, { name: "images", workers: 2, ...options });
  builder.fetchable("batch/images", batch.images);
  builder.fetchable("batch/labels", batch.labels);
  const session = open(builder.build());
  try {
    await startPipeline(session, "images", split, Int32Array.from(indices), augmentations);
    const made: Batch[] = [];
    for (let i = 0; i < indices.length; i += options.batch) {
      const [images, labels] = await session.run({}, ["batch/images", "batch/labels"]);
      const levels = floats(images).map((x) => x * 127.5 + 127.5);
      made.push({ levels, labels: integers(labels) });
    }
    return made;
  } finally {
    session.close();
  }
}

function fileSplit(names: readonly string[], orientations: readonly number[] = []): Split {
  return {
    images: {
      kind: "files",
      paths: names.map((name) => fixturePath("data", "images", name)),
      orientations: Uint8Array.from(names, (_, i) => orientations[i] ?? 1),
      decoders: names.map((n) => (/\.(bmp|gif|webp)$/.test(n) ? "any-image" : "jpeg-or-png")),
    },
    labels: Int32Array.from(names, (_, i) => i),
  };
}

/** Pixels `[height,width,3]` with a value of its own for every place. */
function pixelSplit(count: number, height: number, width: number): Split {
  const pixels = Uint8Array.from({ length: count * height * width * 3 }, (_, i) => (i * 37) % 251);
  const labels = Int32Array.from({ length: count }, (_, i) => 10 * i);
  return { images: { kind: "pixels", pixels, height, width }, labels };
}

const expected = JSON.parse(readFileSync(fixturePath("data", "expected.json"), "utf8")) as Record<
  string,
  { orientation: number; upright: [number, number]; pixels: string }
>;

test("every kind of image file decodes to Pillow's pixels, upright", async () => {
  const names = readdirSync(fixturePath("data", "images"));
  assert.deepEqual(names.toSorted(), Object.keys(expected).toSorted());
  for (const name of names) {
    const { orientation, upright, pixels } = expected[name]!;
    const wanted = readFileSync(fixturePath("data", pixels));
    const [height, width] = upright;
    const header = await readImageHeader(fixturePath("data", "images", name));
    assert.ok(header.kind === "readable" && header.orientation === orientation, name);
    // The longer side stays as it is; along the shorter one the picture is interpolated.
    const side = Math.max(height, width);
    const split = fileSplit([name], [orientation]);
    const [made] = await batches(split, { batch: 1, resizeTo: side }, [0]);
    const reference = resizeBilinear(wanted, height, width, side);
    const differences = made!.levels.map((x, i) => Math.abs(x - reference[i]!));
    const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
    // JPEG's and WebP's chroma is interpolated as Pillow's library does, up to rounding; others
    // are exact. CMYK goes to RGB by another rounding.
    const bound = /\.(jpg|webp)$/.test(name) ? 1.5 : 0.01;
    assert.ok(mean < bound, `${name}: mean difference ${mean}`);
  }
});

/** Bilinear interpolation at half-pixel centers, in float64, for enlarging. */
function resizeBilinear(image: Uint8Array, height: number, width: number, side: number) {
  const result = new Float64Array(side * side * 3);
  const spot = (i: number, size: number) => {
    const at = ((i + 0.5) * size) / side - 0.5;
    const low = Math.floor(at);
    const clamp = (k: number) => Math.min(size - 1, Math.max(0, k));
    return { low: clamp(low), high: clamp(low + 1), share: at - low };
  };
  for (let y = 0; y < side; y++) {
    const v = spot(y, height);
    for (let x = 0; x < side; x++) {
      const u = spot(x, width);
      for (let c = 0; c < 3; c++) {
        const p = (row: number, column: number) => image[(row * width + column) * 3 + c]!;
        const top = p(v.low, u.low) * (1 - u.share) + p(v.low, u.high) * u.share;
        const bottom = p(v.high, u.low) * (1 - u.share) + p(v.high, u.high) * u.share;
        result[(y * side + x) * 3 + c] = top * (1 - v.share) + bottom * v.share;
      }
    }
  }
  return result;
}

for (const side of [64, 40, 20, 7]) {
  test(`resizing 45x31 to ${side}x${side} gives what Pillow gives`, async () => {
    const wanted = readFileSync(fixturePath("resize", `colour-${side}.bin`));
    const [made] = await batches(fileSplit(["colour.bmp"]), { batch: 1, resizeTo: side }, [0]);
    const differences = made!.levels.map((x, i) => Math.abs(x - wanted[i]!));
    const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
    // Pillow rounds to whole grey levels, once for each direction.
    assert.ok(Math.max(...differences) <= 1.01, `maximum ${Math.max(...differences)}`);
    assert.ok(mean < 0.35, `mean ${mean}`);
  });
}

test("crops and flips are those that were asked for", async () => {
  const split = pixelSplit(2, 6, 6);
  const image = (split.images as { pixels: Uint8Array }).pixels;
  const augmentations = Int32Array.from([0, 0, 0, 2, 1, 0, 1, 2, 1]);
  const options = { batch: 3, resizeTo: 6, crop: 4 };
  const [made] = await batches(split, options, [0, 1, 1], augmentations);
  assert.deepEqual([...made!.labels], [0, 10, 10]);
  for (let example = 0; example < 3; example++) {
    const index = [0, 1, 1][example]!;
    const [top, left, flip] = augmentations.subarray(3 * example, 3 * example + 3);
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const column = left! + (flip ? 3 - x : x);
        for (let c = 0; c < 3; c++) {
          const wanted = image[((index * 6 + top! + y) * 6 + column) * 3 + c]!;
          const got = made!.levels[((example * 4 + y) * 4 + x) * 3 + c]!;
          assert.ok(Math.abs(got - wanted) < 1e-4, `${example} ${y} ${x}: ${got} for ${wanted}`);
        }
      }
    }
  }
});

test("examples come in the order given, batch by batch, also when the pipeline starts anew", async () => {
  const split = pixelSplit(50, 4, 4);
  const order = Array.from({ length: 60 }, (_, i) => (i * 7) % 50);
  const made = await batches(split, { batch: 4, resizeTo: 4 }, order);
  assert.deepEqual(
    made.flatMap(({ labels }) => [...labels]),
    order.map((index) => 10 * index),
  );
});

test("a file that cannot be decoded fails the batch, and is found by name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bit-train-test-"));
  try {
    const whole = readFileSync(fixturePath("data", "images", "colour.jpg"));
    const cut = join(folder, "cut.jpg");
    writeFileSync(cut, whole.subarray(0, whole.length / 2));
    const split = fileSplit(["colour.jpg", "grey.jpg"]);
    assert.equal(split.images.kind, "files");
    if (split.images.kind !== "files") return;
    const images = { ...split.images, paths: [split.images.paths[0]!, cut] };
    const run = batches({ ...split, images }, { batch: 2, resizeTo: 32 }, [0, 1]);
    await assert.rejects(run, SessionError);
    const found = await findUnreadable(open, images, [0, 1]);
    assert.equal(found?.path, cut);
    assert.equal(await findUnreadable(open, images, [0]), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
