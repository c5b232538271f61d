/** Heat maps against OpenCV's resize and Matplotlib's colours (scripts/make-grad-cam-fixture.py). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { enlarged, heatColour, heated } from "../../src/picture/heat-map.js";
import { fixturePath } from "../fixture-path.js";

const { size, images, inferno } = JSON.parse(
  readFileSync(fixturePath("grad-cam.json"), "utf8"),
) as {
  readonly size: number;
  readonly inferno: readonly (readonly number[])[];
  readonly images: readonly {
    readonly maps: readonly {
      readonly shape: readonly [number, number];
      readonly map: readonly number[];
      /** Every 13th row and column. */
      readonly large: readonly number[];
    }[];
  }[];
};

test("a map is enlarged as OpenCV does it", () => {
  for (const { maps } of images)
    for (const { map, shape, large } of maps) {
      const own = enlarged(map, shape, [size, size]);
      const places = [...Array(Math.ceil(size / 13)).keys()].map((i) => 13 * i);
      const some = places.flatMap((y) => places.map((x) => own[y * size + x]!));
      assert.equal(some.length, large.length);
      // Float32 of both.
      for (const [i, wanted] of large.entries()) assert.ok(Math.abs(some[i]! - wanted) < 1e-6);
    }
  assert.deepEqual([...enlarged([3], [1, 1], [2, 3])], [3, 3, 3, 3, 3, 3]);
});

test("colours are inferno's, between its points by a line", () => {
  // Its points are rounded, and the curve between two is hardly bent.
  for (const [i, wanted] of inferno.entries())
    for (const [c, value] of heatColour(i / 32).entries())
      assert.ok(
        Math.abs(value - wanted[c]!) < (i % 2 === 0 ? 0.51 : 8),
        `${i}: ${value}, ${wanted[c]}`,
      );
});

test("what nothing speaks for stays grey, and the largest is nearly the colour itself", () => {
  const levels = Uint8Array.of(255, 0, 0, 0, 0, 0, 10, 20, 30);
  heated(levels, [0, 1, 0]);
  assert.deepEqual([...levels], [76, 76, 76, 202, 204, 131, 18, 18, 18]);
  const four = Uint8ClampedArray.of(10, 20, 30, 255);
  heated(four, [0], 4);
  assert.deepEqual([...four], [18, 18, 18, 255]);
});
