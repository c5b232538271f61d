/** Pictures of a dataset's images: their pixels, upright; none of one that is damaged. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSource, Split } from "../../src/data/dataset.js";
import { makePictures } from "../../src/report/picture-maker.js";
import { bmp, pattern } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { decodedPng } from "../run/decoded-png.js";

/** The bytes of a `data:` URL. */
function pngOf(url: string): Uint8Array {
  return Buffer.from(url.replace(/^data:[^,]*,/, ""), "base64");
}

const files = (paths: readonly string[], source: Partial<FileSource> = {}): Split => ({
  images: {
    kind: "files",
    paths,
    orientations: new Uint8Array(paths.length).fill(1),
    decoders: paths.map((path) => (path.endsWith(".bmp") ? "bmp" : "jpeg-or-png")),
    ...source,
  },
  labels: new Int32Array(paths.length),
});

test("small images are shown to the pixel, from memory, files and parts of files", async (t) => {
  const root = await temporaryFolder(t);
  const side = 24;
  const [first, second] = [0, 1].map((number) => pattern(number, 3, side, side));
  const pixels = Uint8Array.from([...first!, ...second!]);
  const inMemory: Split = {
    images: { kind: "pixels", pixels, height: side, width: side },
    labels: new Int32Array(2),
  };
  const file = bmp(first!, side, side);
  const [one, shard] = [join(root, "one.bmp"), join(root, "shard.bin")];
  await writeFile(one, file);
  await writeFile(shard, Buffer.concat([Buffer.from("before"), file, Buffer.from("behind")]));
  const parts = files([shard], {
    decoders: ["bmp"],
    ranges: {
      offsets: Float64Array.of(6),
      lengths: Float64Array.of(file.length),
      records: Int32Array.of(0),
    },
  });
  const pictures = await makePictures(
    engine,
    [
      { split: inMemory, index: 1 },
      { split: files([one]), index: 0 },
      { split: parts, index: 0 },
    ],
    "pillow",
  );
  for (const [i, expected] of [second!, first!, first!].entries()) {
    assert.deepEqual([pictures[i]!.width, pictures[i]!.height], [side, side]);
    assert.match(pictures[i]!.url, /^data:image\/png;/);
    assert.deepEqual(
      [...(await decodedPng(pngOf(pictures[i]!.url)))],
      [...expected],
      `picture ${i}`,
    );
  }
});

test("a photo's picture is a small JPEG that knows its shape; what is damaged has none", async (t) => {
  const root = await temporaryFolder(t);
  const cat = fixturePath("..", "..", "sample", "golden", "cat.jpg");
  const cut = join(root, "cut.jpg");
  await writeFile(cut, (await readFile(cat)).subarray(0, 3000));
  const turned = fixturePath("data", "images", "exif-6.jpg");
  const paths = [cat, cut, join(root, "gone.jpg"), turned];
  const split = files(paths, { orientations: Uint8Array.of(1, 1, 1, 6) });
  const places = paths.map((_, index) => ({ split, index }));
  const [photo, broken, gone, upright] = await makePictures(engine, places, "pillow");
  assert.match(photo!.url, /^data:image\/jpeg;base64,/);
  assert.ok(photo!.url.length < 20_000, `${photo!.url.length}`);
  assert.equal(broken, undefined);
  assert.equal(gone, undefined);
  // As it is seen, not as it is stored.
  assert.deepEqual([upright!.width, upright!.height], [48, 32]);
  const [alone] = await makePictures(engine, [{ split, index: 0 }], "pillow");
  assert.deepEqual(alone, photo);
});
