import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { test } from "node:test";
import { imageHeaderOf, readImageHeader } from "../../../src/data/files/image-header.js";
import { gifFrames } from "../../../src/data/image-formats/gif-header.js";
import { DECODER_OF } from "../../decoder-of.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const IMAGES = fixturePath("data", "images");

interface Expected {
  readonly orientation: number;
  readonly stored: readonly [height: number, width: number];
}

/** A JPEG with segments put in before all others: `FF E2 length contents`. */
function withSegments(jpeg: Buffer, contents: readonly Buffer[]): Buffer {
  const segments = contents.map((content) => {
    const head = Buffer.from([0xff, 0xe2, 0, 0]);
    head.writeUInt16BE(content.length + 2, 2);
    return Buffer.concat([head, content]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

test("format, size and orientation are what Pillow says of each file", async () => {
  const manifest = JSON.parse(
    await readFile(fixturePath("data", "expected.json"), "utf8"),
  ) as Record<string, Expected>;
  assert.equal(Object.keys(manifest).length, 19);
  for (const [name, { orientation, stored }] of Object.entries(manifest)) {
    const decoder = DECODER_OF[extname(name)] ?? "jpeg-or-png";
    const [height, width] = stored;
    assert.deepEqual(
      await readImageHeader(join(IMAGES, name)),
      {
        ...{
          kind: "readable",
          decoder,
          format: extname(name).slice(1),
          height,
          width,
          orientation,
        },
        ...(["rgba.png", "palette.png"].includes(name) && { alpha: true }),
      },
      name,
    );
  }
});

test("PNG with an alpha channel or a transparent colour, and WebP with alpha, are told", async (t) => {
  const folder = await temporaryFolder(t);
  // VP8L's size, less one, in 14 bits each, and whether it has alpha.
  const webp = (alpha: number) => {
    const data = Buffer.alloc(10);
    data[0] = 0x2f;
    data.writeUInt32LE((47 | (31 << 14) | (alpha << 28)) >>> 0, 1);
    const head = Buffer.from("RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0", "latin1");
    return Buffer.concat([head, data]);
  };
  await writeTree(folder, { "with.webp": webp(1), "without.webp": webp(0) });
  const alphaOf = async (path: string) => {
    const header = await readImageHeader(path);
    return header.kind === "readable" && header.alpha === true;
  };
  const made = ["with.webp", "without.webp"].map((name) => join(folder, name));
  // A channel, a chunk tRNS, neither.
  const names = ["rgba.png", "palette.png", "grey16.png"];
  const fixtures = names.map((name) => join(IMAGES, name));
  assert.deepEqual(await Promise.all(made.map(alphaOf)), [true, false]);
  assert.deepEqual(await Promise.all(fixtures.map(alphaOf)), [true, true, false]);
});

test("a file goes by its content, not by its name", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTree(folder, {
    "a.png": await readFile(join(IMAGES, "colour.bmp")),
    "b.bmp": await readFile(join(IMAGES, "colour.jpg")),
  });
  const a = await readImageHeader(join(folder, "a.png"));
  const b = await readImageHeader(join(folder, "b.bmp"));
  assert.ok(a.kind === "readable" && a.decoder === "bmp" && a.width === 45);
  assert.ok(b.kind === "readable" && b.decoder === "jpeg-or-png" && b.width === 48);
});

test("a JPEG's size is found behind large profiles and thumbnails", async (t) => {
  const folder = await temporaryFolder(t);
  const jpeg = await readFile(join(IMAGES, "exif-6.jpg"));
  for (const count of [1, 2, 20, 100]) {
    // Full of what looks like markers, as an embedded thumbnail is.
    const contents = Buffer.alloc(60_000, Buffer.from([0xff, 0xc0, 0, 17, 8, 1, 1, 1, 1]));
    const large = withSegments(jpeg, Array<Buffer>(count).fill(contents));
    await writeTree(folder, { "large.jpg": large });
    assert.deepEqual(await readImageHeader(join(folder, "large.jpg")), {
      kind: "readable",
      decoder: "jpeg-or-png",
      format: "jpg",
      height: 48,
      width: 32,
      orientation: 6,
    });
  }
});

test("damaged EXIF data and unknown orientations leave a JPEG as it is", async (t) => {
  const folder = await temporaryFolder(t);
  const jpeg = await readFile(join(IMAGES, "exif-6.jpg"));
  const exif = jpeg.indexOf("Exif");
  const entries = exif + 6 + 8;
  assert.equal(jpeg.readUInt16BE(entries), 1, "Pillow writes big-endian EXIF with one entry");
  const unknown = Buffer.from(jpeg);
  unknown.writeUInt16BE(9, entries + 2 + 8);
  // The segment ends within its table.
  const length = jpeg.readUInt16BE(exif - 2);
  const cut = Buffer.concat([jpeg.subarray(0, entries + 6), jpeg.subarray(exif - 2 + length)]);
  cut.writeUInt16BE(entries + 6 - (exif - 2), exif - 2);
  await writeTree(folder, { "unknown.jpg": unknown, "cut.jpg": cut });
  for (const name of ["unknown.jpg", "cut.jpg"]) {
    const header = await readImageHeader(join(folder, name));
    assert.ok(header.kind === "readable", name);
    assert.deepEqual([header.height, header.width, header.orientation], [48, 32, 1], name);
  }
});

test("damaged, empty and missing files are corrupt", async (t) => {
  const folder = await temporaryFolder(t);
  const jpeg = await readFile(join(IMAGES, "colour.jpg"));
  const png = await readFile(join(IMAGES, "rgba.png"));
  const flat = Buffer.from(png);
  flat.writeUInt32BE(0, 20);
  await writeTree(folder, {
    "empty.jpg": "",
    "zeros.jpg": Buffer.alloc(200_000),
    "text.png": "<html>404</html>",
    "cut.jpg": jpeg.subarray(0, 100),
    "start.jpg": jpeg.subarray(0, 2),
    "cut.png": png.subarray(0, 18),
    "flat.png": flat,
    "cut.gif": (await readFile(join(IMAGES, "two-frames.gif"))).subarray(0, 7),
    "cut.webp": (await readFile(join(IMAGES, "lossy.webp"))).subarray(0, 20),
    "cut.bmp": (await readFile(join(IMAGES, "colour.bmp"))).subarray(0, 20),
  });
  const names = "empty zeros cut start".split(" ").map((name) => `${name}.jpg`);
  names.push("text.png", "cut.png", "flat.png", "cut.gif", "cut.webp", "cut.bmp", "missing.jpg");
  for (const name of names) {
    const header = await readImageHeader(join(folder, name));
    assert.equal(header.kind, "corrupt", `${name}: ${JSON.stringify(header)}`);
  }
});

test("images that the engine cannot decode are told from damaged ones", async (t) => {
  const folder = await temporaryFolder(t);
  const tiff = Buffer.alloc(64);
  tiff.write("II*\0\x08\0\0\0\x02\0", "latin1");
  // Entries of a TIFF directory: width and height, SHORT, one value, 10.
  for (const [i, tag] of [256, 257].entries()) {
    tiff.writeUInt16LE(tag, 10 + i * 12);
    tiff.writeUInt16LE(3, 12 + i * 12);
    tiff.writeUInt32LE(1, 14 + i * 12);
    tiff.writeUInt16LE(10, 18 + i * 12);
  }
  await writeTree(folder, {
    "a.tiff": tiff,
    "tiff-as.jpg": tiff,
    "a.svg": '<svg width="10" height="10" xmlns="http://www.w3.org/2000/svg"/>',
    "a.ppm": "P6 2 2 255\n            ",
    "a.avif": Buffer.from("\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "latin1"),
    "broken.heic": "nothing of the kind",
  });
  for (const name of ["a.tiff", "tiff-as.jpg", "a.svg", "a.ppm", "a.avif", "broken.heic"])
    assert.equal((await readImageHeader(join(folder, name))).kind, "unsupported", name);
});

test("more pixels than an image has are refused before anything is decoded", async (t) => {
  const folder = await temporaryFolder(t);
  const png = await readFile(join(IMAGES, "rgba.png"));
  png.writeUInt32BE(30_000, 16);
  png.writeUInt32BE(10_000, 20);
  await writeTree(folder, { "bomb.png": png });
  assert.deepEqual(await readImageHeader(join(folder, "bomb.png")), {
    kind: "corrupt",
    reason: "10000 x 30000 pixels, more than 268435456",
  });
});

test("a part of a file is as good as a file", async (t) => {
  const folder = await temporaryFolder(t);
  const jpeg = await readFile(join(IMAGES, "exif-6.jpg"));
  const large = withSegments(jpeg, Array<Buffer>(2).fill(Buffer.alloc(60_000, 7)));
  const whole = Buffer.concat([Buffer.alloc(13, 1), large, jpeg]);
  await writeTree(folder, { shard: whole });
  const path = join(folder, "shard");
  const expected = await readImageHeader(join(IMAGES, "exif-6.jpg"));
  const range = { offset: 13, length: large.length };
  assert.deepEqual(await readImageHeader(path, range), expected);
  assert.deepEqual(imageHeaderOf(whole.subarray(13, 13 + large.length)), expected);
  const cut = await readImageHeader(path, { offset: 13, length: 100 });
  assert.equal(cut.kind, "corrupt");
  assert.deepEqual(imageHeaderOf(whole.subarray(5, 5)), { kind: "corrupt", reason: "0 bytes" });
});

test("a few bytes that claim a large image are refused before anything is decoded", async (t) => {
  const folder = await temporaryFolder(t);
  const jpeg = await readFile(join(IMAGES, "colour.jpg"));
  const size = jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 5;
  const sized = (height: number, width: number) => {
    const copy = Buffer.from(jpeg);
    copy.writeUInt16BE(height, size);
    copy.writeUInt16BE(width, size + 2);
    return copy;
  };
  const webp = await readFile(join(IMAGES, "lossy.webp"));
  const frame = webp.indexOf("VP8 ") + 8;
  webp.writeUInt16LE(16_383, frame + 6);
  webp.writeUInt16LE(16_383, frame + 8);
  const bmp = await readFile(join(IMAGES, "colour.bmp"));
  bmp.writeInt32LE(16_000, 18);
  bmp.writeInt32LE(16_000, 22);
  await writeTree(folder, {
    "65500.jpg": sized(65_500, 65_500),
    "16000.jpg": sized(16_000, 16_000),
    "4000.jpg": sized(4000, 4000),
    "large.webp": webp,
    "large.bmp": bmp,
  });
  const reasonOf = async (name: string) => {
    const header = await readImageHeader(join(folder, name));
    return header.kind === "corrupt" ? header.reason : header.kind;
  };
  assert.match(await reasonOf("65500.jpg"), /more than 268435456/);
  assert.equal(await reasonOf("16000.jpg"), `16000 x 16000 pixels in ${jpeg.length} bytes`);
  assert.equal(await reasonOf("large.webp"), `16383 x 16383 pixels in ${webp.length} bytes`);
  assert.equal(await reasonOf("large.bmp"), `16000 x 16000 pixels in ${bmp.length} bytes`);
  // 48 MB decoded: little enough for any file.
  assert.equal(await reasonOf("4000.jpg"), "readable");
  assert.deepEqual(imageHeaderOf(sized(16_000, 16_000)), {
    kind: "corrupt",
    reason: `16000 x 16000 pixels in ${jpeg.length} bytes`,
  });
});

test("all frames of a GIF count, of whatever size its header speaks", async (t) => {
  const folder = await temporaryFolder(t);
  const header = Buffer.from("GIF89a\x0a\0\x0a\0\0\0\0", "latin1");
  const frame = (side: number) => {
    const descriptor = Buffer.alloc(10);
    descriptor[0] = 0x2c;
    descriptor.writeUInt16LE(side, 5);
    descriptor.writeUInt16LE(side, 7);
    const comment = Buffer.from("!\xfe\x02,,\0", "latin1");
    return Buffer.concat([comment, descriptor, Buffer.from([2, 2, 0x44, 1, 0])]);
  };
  const gif = (...sides: number[]) =>
    Buffer.concat([header, ...sides.map(frame), Buffer.from(";")]);
  assert.deepEqual(gifFrames(gif(10, 20)), { pixels: 500, filled: true });
  assert.equal(gifFrames(gif(10).subarray(0, 12)).pixels, 0);
  for (const side of [9, 11])
    assert.deepEqual(imageHeaderOf(gif(side, 10)), {
      kind: "unsupported",
      format: "GIF whose first frame does not fill it",
    });
  const bomb = gif(10, ...Array<number>(17).fill(4000));
  await writeTree(folder, { "bomb.gif": bomb, "fine.gif": gif(10, 10, 10) });
  const refusal = {
    kind: "corrupt",
    reason: "272000100 pixels in all frames, more than 268435456",
  };
  assert.deepEqual(await readImageHeader(join(folder, "bomb.gif")), refusal);
  assert.deepEqual(imageHeaderOf(bomb), refusal);
  assert.equal((await readImageHeader(join(folder, "fine.gif"))).kind, "readable");
});

test("web pages, LFS pointers, folders, named pipes and devices are no images", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTree(folder, { "page.jpg": "<!DOCTYPE html><html>404</html>", "sub.jpg/x": "" });
  execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
  const corrupt = (reason: string) => ({ kind: "corrupt", reason });
  await writeTree(folder, {
    "lfs.jpg": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
  });
  for (const [name, words] of [
    ["page.jpg", /^a web page/],
    ["lfs.jpg", /^a Git LFS pointer/],
  ] as const) {
    const header = await readImageHeader(join(folder, name));
    assert.match(header.kind === "corrupt" ? header.reason : "", words);
  }
  for (const path of [join(folder, "sub.jpg"), join(folder, "pipe.jpg"), "/dev/zero"])
    assert.deepEqual(await readImageHeader(path), corrupt("not a regular file"));
});

test("a file that does not end as its format has it is suspect, however it was read", async (t) => {
  const folder = await temporaryFolder(t);
  const names = ["colour.jpg", "rgba.png", "two-frames.gif", "colour.bmp", "lossy.webp"];
  for (const name of names) {
    const whole = await readFile(join(IMAGES, name));
    // Photographs of telephones have data after the image.
    const files = { cut: whole.subarray(0, -10), more: Buffer.concat([whole, Buffer.alloc(90)]) };
    for (const [kind, bytes] of Object.entries({ whole, ...files })) {
      await writeTree(folder, { [name]: bytes });
      const headers = [await readImageHeader(join(folder, name)), imageHeaderOf(bytes)];
      for (const header of headers) {
        assert.ok(header.kind === "readable", name);
        assert.equal(header.suspect, kind === "cut" ? true : undefined, `${name}, ${kind}`);
      }
    }
  }
  // Longer than what is read at first.
  const jpeg = await readFile(join(IMAGES, "colour.jpg"));
  const long = withSegments(jpeg, Array<Buffer>(3).fill(Buffer.alloc(60_000)));
  await writeTree(folder, { "long.jpg": long, "cut.jpg": long.subarray(0, -10) });
  for (const [name, suspect] of [
    ["long.jpg", undefined],
    ["cut.jpg", true],
  ] as const) {
    const header = await readImageHeader(join(folder, name));
    assert.equal(header.kind === "readable" && header.suspect, suspect, name);
  }
});
