import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readImageHeader } from "../../src/data/files/image-header.js";
import { SessionError } from "../../src/engine/session.js";
import { findUnreadable } from "../../src/input/unreadable.js";
import { engine, targetWith } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { batches, fileSplit, pixelSplit } from "./batches.js";

/** Every test runs without the operations of native/kernels/, and with them where the engine has any. */
const ways = engine.target.native.layers ? [false, true] : [false];
const open = engine.open;

const expected = JSON.parse(readFileSync(fixturePath("data", "expected.json"), "utf8")) as Record<
  string,
  { orientation: number; upright: [number, number]; pixels: string }
>;

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

for (const kernels of ways) {
  const way = kernels ? ", with kernels" : "";

  test(`every kind of image file decodes to Pillow's pixels, upright${way}`, async () => {
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
      const [made] = await batches(
        open,
        split,
        { batch: 1, resizeTo: side, target: targetWith(kernels) },
        [0],
      );
      const reference = resizeBilinear(wanted, height, width, side);
      const differences = made!.levels.map((x, i) => Math.abs(x - reference[i]!));
      const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
      // JPEG's and WebP's chroma is interpolated as Pillow's library does, up to rounding; others
      // are exact. CMYK goes to RGB by another rounding. Kernels round once along the shorter side.
      const bound = /\.(jpg|webp)$/.test(name) ? 1.5 : kernels ? 0.3 : 0.01;
      assert.ok(mean < bound, `${name}: mean difference ${mean}`);
    }
  });

  for (const side of [64, 40, 20, 7]) {
    test(`resizing 45x31 to ${side}x${side} gives what Pillow gives${way}`, async () => {
      const wanted = readFileSync(fixturePath("resize", `colour-${side}.bin`));
      const options = { batch: 1, resizeTo: side, target: targetWith(kernels) };
      const [made] = await batches(open, fileSplit(["colour.bmp"]), options, [0]);
      const differences = made!.levels.map((x, i) => Math.abs(x - wanted[i]!));
      const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
      // Pillow rounds to whole grey levels, once for each direction, as the kernels do; what differs there
      // is that a level went to [-1, 1] and back in float32.
      assert.ok(Math.max(...differences) <= (kernels ? 1e-4 : 1.01), `${Math.max(...differences)}`);
      assert.ok(mean < 0.35, `mean ${mean}`);
    });
  }

  test(`crops and flips are those that were asked for${way}`, async () => {
    const split = pixelSplit(2, 6, 6);
    const image = (split.images as { pixels: Uint8Array }).pixels;
    const augmentations = Int32Array.from([0, 0, 0, 2, 1, 0, 1, 2, 1]);
    const options = { batch: 3, resizeTo: 6, crop: 4, target: targetWith(kernels) };
    const [made] = await batches(open, split, options, [0, 1, 1], augmentations);
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

  test(`examples come in the order given, batch by batch, also when the pipeline starts anew${way}`, async () => {
    const split = pixelSplit(50, 4, 4);
    const order = Array.from({ length: 60 }, (_, i) => (i * 7) % 50);
    const made = await batches(
      open,
      split,
      { batch: 4, resizeTo: 4, target: targetWith(kernels) },
      order,
    );
    assert.deepEqual(
      made.flatMap(({ labels }) => [...labels]),
      order.map((index) => 10 * index),
    );
  });

  test(`a file that cannot be decoded fails the batch, and is found by name${way}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "bit-train-test-"));
    try {
      const whole = readFileSync(fixturePath("data", "images", "colour.jpg"));
      const cut = join(folder, "cut.jpg");
      writeFileSync(cut, whole.subarray(0, whole.length / 2));
      const split = fileSplit(["colour.jpg", "grey.jpg"]);
      assert.equal(split.images.kind, "files");
      if (split.images.kind !== "files") return;
      const images = { ...split.images, paths: [split.images.paths[0]!, cut] };
      const options = { batch: 2, resizeTo: 32, target: targetWith(kernels) };
      const run = batches(open, { ...split, images }, options, [0, 1]);
      await assert.rejects(run, SessionError);
      const found = await findUnreadable({ open, target: targetWith(kernels) }, images, [0, 1]);
      assert.equal(found?.path, cut);
      assert.equal(
        await findUnreadable({ open, target: targetWith(kernels) }, images, [0]),
        undefined,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
