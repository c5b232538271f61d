/** What the page does to photos' files before and after a browser decodes them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateSync, inflateSync } from "node:zlib";
import { imageHeaderOf } from "../../src/data/image-formats/image-bytes.js";
import { inflateSync as inflateInPages } from "../../web/node-zlib.js";
import { turned } from "../../web/turned.js";
import { withoutExif } from "../../web/without-exif.js";
import { fixturePath } from "../fixture-path.js";

// As Pillow's ImageOps.exif_transpose turns 1 2 3 / 4 5 6.
const upright: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  2: [
    [3, 2, 1],
    [6, 5, 4],
  ],
  3: [
    [6, 5, 4],
    [3, 2, 1],
  ],
  4: [
    [4, 5, 6],
    [1, 2, 3],
  ],
  5: [
    [1, 4],
    [2, 5],
    [3, 6],
  ],
  6: [
    [4, 1],
    [5, 2],
    [6, 3],
  ],
  7: [
    [6, 3],
    [5, 2],
    [4, 1],
  ],
  8: [
    [3, 6],
    [2, 5],
    [1, 4],
  ],
};

for (const [orientation, expected] of Object.entries(upright))
  test(`a photo of orientation ${orientation} is turned as Pillow turns it`, () => {
    const pixels = Uint8Array.from({ length: 24 }, (_, i) => Math.floor(i / 4) + 1 + 10 * (i % 4));
    const source = {
      width: 3,
      height: 2,
      rows: (top: number, count: number) => pixels.subarray(12 * top, 12 * (top + count)),
    };
    const made = turned(source, Number(orientation));
    assert.deepEqual([made.height, made.width], [expected.length, expected[0]!.length]);
    for (let y = 0; y < made.height; y++)
      assert.deepEqual(
        Array.from(made.rows(y, 1)),
        expected[y]!.flatMap((value) => [value, value + 10, value + 20, value + 30]),
      );
  });

test("without its EXIF data a photo is the same one, and upright", async () => {
  const files = [
    ["data", "images", "exif-6.jpg"],
    ["variants", "exif-late.jpg"],
    ["variants", "exif.png"],
    ["variants", "exif-late.png"],
    ["variants", "exif.webp"],
    ["variants", "exif-alpha.webp"],
  ];
  for (const path of files) {
    const bytes = Uint8Array.from(readFileSync(fixturePath(...path)));
    const header = imageHeaderOf(bytes);
    assert.equal(header.kind, "readable");
    assert.notEqual(header.orientation, 1, path.at(-1));
    const blob = new Blob(withoutExif(bytes, header.format));
    const left = imageHeaderOf(new Uint8Array(await blob.arrayBuffer()));
    assert.deepEqual(left, { ...header, orientation: 1 }, path.at(-1));
  }
  const plain = Uint8Array.from(readFileSync(fixturePath("data", "images", "colour.jpg")));
  const same = new Blob(withoutExif(plain, "jpg"));
  assert.deepEqual(new Uint8Array(await same.arrayBuffer()), plain);
});

test("pages unpack as Node does, up to a limit", () => {
  const text = Buffer.from("photo ".repeat(50_000));

  const packed = deflateSync(text);
  const limit = { maxOutputLength: text.length };
  assert.deepEqual(Buffer.from(inflateInPages(packed, limit)), inflateSync(packed, limit));
  assert.throws(() => inflateInPages(packed, { maxOutputLength: 1000 }), /more than 1000 bytes/);
  assert.throws(() => inflateInPages(packed.subarray(3), limit));
});
