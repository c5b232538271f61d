/** The page's resizes against Pillow and TensorFlow. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pillowResize } from "../../web/pillow-resize.js";
import type { PixelSource } from "../../web/pixel-source.js";
import { tfResize } from "../../web/tf-resize.js";
import { fixturePath } from "../fixture-path.js";

interface Size {
  readonly height: number;
  readonly width: number;
  readonly side: number;
}

function cases<T>(name: string): readonly (Size & T)[] {
  return JSON.parse(readFileSync(fixturePath("resize", name), "utf8"));
}

/** As `noise` in scripts/make-resize-fixtures.py, with an opacity that must play no part. */
function noise(height: number, width: number): PixelSource {
  const pixels = new Uint8Array(4 * height * width);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      pixels[4 * pixel + channel] = Math.imul(3 * pixel + channel, 2654435761) >>> 24;
    pixels[4 * pixel + 3] = pixel % 256;
  }
  return {
    width,
    height,
    rows: (top, count) => pixels.subarray(4 * top * width, 4 * (top + count) * width),
  };
}

test("the Pillow resize gives Pillow's bytes, from one pixel to thousands", () => {
  for (const { height, width, side, sha256 } of cases<{ readonly sha256: string }>("noise.json")) {
    const made = pillowResize(noise(height, width), side);
    const got = createHash("sha256").update(made).digest("hex");
    assert.equal(got, sha256, `${height}x${width} to ${side}`);
  }
});

test("the TensorFlow resize gives TensorFlow's levels", () => {
  const known = cases<{ readonly levels: readonly number[] }>("tensorflow.json");
  for (const { height, width, side, levels } of known) {
    const made = tfResize(noise(height, width), side);
    const stride = Math.max(1, Math.floor(made.length / 500));
    const worst = Math.max(...levels.map((level, i) => Math.abs(level - made[i * stride]!)));
    // The fixture has three decimals.
    assert.ok(worst < 6e-4, `${height}x${width} to ${side}: ${worst} grey levels`);
  }
});
