/** What the engine does not decode is told from the header, in words, and damage is told from it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { imageHeaderOf } from "../../../src/data/files/image-header.js";
import { exifOrientation, orientationOf } from "../../../src/data/image-formats/orientation.js";
import { fixturePath } from "../../fixture-path.js";

const FOLDER = fixturePath("variants");
const read = (name: string): Buffer => readFileSync(join(FOLDER, name));

/** What becomes of a file with some bytes changed. */
function changed(name: string, changes: Readonly<Record<number, readonly number[]>>) {
  const bytes = read(name);
  for (const [at, values] of Object.entries(changes)) bytes.set(values, Number(at));
  return imageHeaderOf(bytes);
}

const refused = (format: string) => ({ kind: "unsupported", format }) as const;
const corrupt = (reason: string) => ({ kind: "corrupt", reason }) as const;

test("variants of BMP that are not decoded have names", () => {
  assert.deepEqual(changed("top-down.bmp", { 14: [12] }), refused("BMP of OS/2 1.x"));
  const short = refused("BMP of OS/2 2.x with a short header");
  assert.deepEqual(changed("top-down.bmp", { 14: [16] }), short);
  assert.deepEqual(changed("os2-second.bmp", { 30: [4] }), refused("compressed BMP of OS/2 2.x"));
  const rle = (kind: string) => refused(`BMP with run-length encoding (${kind})`);
  assert.deepEqual(changed("palette-8.bmp", { 30: [1] }), rle("RLE8"));
  assert.deepEqual(changed("palette-4.bmp", { 30: [2] }), rle("RLE4"));
  assert.deepEqual(changed("top-down.bmp", { 30: [4] }), refused("BMP that holds a JPEG"));
  assert.deepEqual(changed("top-down.bmp", { 30: [5] }), refused("BMP that holds a PNG"));
  assert.deepEqual(changed("top-down.bmp", { 30: [9] }), refused("BMP of compression 9"));
  assert.deepEqual(changed("top-down.bmp", { 28: [16] }), refused("16-bit BMP"));
  assert.deepEqual(changed("palette-4.bmp", { 28: [2] }), refused("2-bit BMP"));
  assert.deepEqual(
    changed("masks.bmp", { 54: [0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0] }),
    refused("32-bit BMP with the masks 000000ff, 0000ff00, 00ff0000"),
  );
});

test("variants of JPEG and PNG that are not decoded have names", () => {
  const frame = read("rgb.jpg").indexOf(Buffer.of(0xff, 0xc0));
  const jpeg = (marker: number, precision: number, components = 3) =>
    changed("rgb.jpg", {
      [frame + 1]: [marker],
      [frame + 4]: [precision],
      [frame + 9]: [components],
    });
  assert.deepEqual(jpeg(0xc1, 12), refused("12-bit JPEG"));
  assert.deepEqual(jpeg(0xc9, 12), refused("12-bit JPEG"));
  for (const marker of [0xc3, 0xcb]) assert.deepEqual(jpeg(marker, 8), refused("lossless JPEG"));
  for (const marker of [0xc5, 0xc6, 0xcd, 0xce])
    assert.deepEqual(jpeg(marker, 8), refused("hierarchical JPEG"));
  assert.deepEqual(jpeg(0xc0, 8, 2), refused("JPEG of 2 components"));
  for (const marker of [0xc1, 0xc2, 0xc9, 0xca]) assert.equal(jpeg(marker, 8).kind, "readable");
  const cgbi = Buffer.from("CgBI", "latin1");
  assert.deepEqual(changed("exif.png", { 12: [...cgbi] }), refused("PNG of an iOS app (CgBI)"));
});

test("formats that are not decoded have names", () => {
  const is = (start: string | Buffer, name: string) => {
    const bytes = Buffer.concat([Buffer.from(start as string, "latin1"), Buffer.alloc(64)]);
    assert.deepEqual(imageHeaderOf(bytes), refused(name), name);
  };
  is("II*\0\x08\0\0\0", "TIFF");
  is("MM\0*\0\0\0\x08", "TIFF");
  is("II+\0\x08\0\0\0", "TIFF");
  is("\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "AVIF");
  is("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC");
  is("\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC");
  is("\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF");
  is("\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL");
  is("\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000");
  is("8BPS\0\x01", "Photoshop document");
  is("P6\n2 2 255\n", "PNM");
  is('<?xml version="1.0"?>\n<!-- made by hand -->\n<svg width="1">', "SVG");
  // A film is no image, and a sound no WebP.
  const none = corrupt("no known image format");
  assert.deepEqual(imageHeaderOf(Buffer.from("\0\0\0\x18ftypisom\0\0\0\0isom", "latin1")), none);
  assert.deepEqual(imageHeaderOf(Buffer.from("RIFF\x04\0\0\0WAVEfmt ", "latin1")), none);
});

test("what a header cannot mean is damage", () => {
  const huge = [0xff, 0xff, 0xff, 0x7f];
  assert.deepEqual(changed("top-down.bmp", { 14: [41] }), corrupt("a BMP header of 41 bytes"));
  assert.equal(changed("palette-8.bmp", { 46: huge }).kind, "corrupt");
  assert.equal(changed("palette-8.bmp", { 46: [0xff, 0xff, 0xff, 0xff] }).kind, "corrupt");
  assert.equal(changed("palette-8.bmp", { 18: huge }).kind, "corrupt");
  assert.equal(changed("palette-8.bmp", { 18: [0xff, 0xff, 0xff, 0xff] }).kind, "corrupt");
  assert.equal(changed("palette-8.bmp", { 10: huge }).kind, "corrupt");
  assert.deepEqual(
    changed("palette-8.bmp", { 10: [54, 0] }),
    corrupt("a BMP whose pixels begin within its palette"),
  );
  const png = changed("exif.png", { 12: [...Buffer.from("abcd")] });
  assert.deepEqual(png, corrupt('a PNG that begins with "abcd"'));
});

test("a header of many empty parts is given up", () => {
  const png = read("one-bit.png");
  const empty = Buffer.from("\0\0\0\0abcd\0\0\0\0", "latin1");
  const parts = Buffer.concat(Array<Buffer>(60_000).fill(empty));
  const many = Buffer.concat([png.subarray(0, 33), parts, png.subarray(33)]);
  assert.deepEqual(imageHeaderOf(many), corrupt("more than 50000 chunks"));
  const jpeg = read("rgb.jpg");
  const segments = Buffer.concat(Array<Buffer>(60_000).fill(Buffer.of(0xff, 0xe0, 0, 2)));
  const long = Buffer.concat([jpeg.subarray(0, 2), segments, jpeg.subarray(2)]);
  assert.deepEqual(imageHeaderOf(long), corrupt("more than 50000 segments before its pixels"));
});

test("EXIF data without a single whole number for the orientation says nothing", () => {
  const table = (type: number, count: number, value: number, start = "MM\0*\0\0\0\x08") => {
    const bytes = Buffer.alloc(26);
    bytes.write(start, 0, "latin1");
    bytes.writeUInt16BE(1, 8);
    bytes.writeUInt16BE(0x0112, 10);
    bytes.writeUInt16BE(type, 12);
    bytes.writeUInt32BE(count, 14);
    if (type === 3) bytes.writeUInt16BE(value, 18);
    else bytes.writeUInt32BE(value, 18);
    return bytes;
  };
  assert.equal(exifOrientation(table(3, 1, 6)), 6);
  assert.equal(exifOrientation(table(4, 1, 6)), 6);
  assert.equal(exifOrientation(table(3, 2, 6)), undefined);
  assert.equal(exifOrientation(table(2, 1, 0x36000000)), undefined);
  assert.equal(exifOrientation(table(3, 1, 6, "MM\0*\0\xff\0\x08")), undefined);
  assert.equal(exifOrientation(table(3, 1, 6).subarray(0, 20)), undefined);
  assert.equal(orientationOf({ exif: table(4, 1, 70_000) }), 1);
  assert.equal(
    orientationOf({ exif: table(3, 1, 0), xmp: Buffer.from('tiff:Orientation="3"') }),
    1,
  );
  const none = table(3, 2, 6);
  assert.equal(orientationOf({ exif: none, xmp: Buffer.from('tiff:Orientation="3"') }), 3);
});

test("mutated files are told from others without an exception, and never with impossible values", () => {
  const files = readdirSync(FOLDER).filter((name) => !name.endsWith(".json"));
  const mutation = fc.record({
    name: fc.constantFrom(...files),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }),
  });
  fc.assert(
    fc.property(mutation, ({ name, cut, changes }) => {
      const bytes = read(name);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const header = imageHeaderOf(bytes.subarray(0, Math.ceil(cut * bytes.length)));
      if (header.kind !== "readable") return;
      const { height, width, orientation } = header;
      assert.ok(height > 0 && width > 0 && height * width <= 2 ** 28);
      assert.ok(Number.isInteger(orientation) && orientation >= 1 && orientation <= 8);
    }),
    { numRuns: 2000, seed: 7 },
  );
});
