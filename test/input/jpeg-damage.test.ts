import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readImageHeader } from "../../src/data/files/image-header.js";
import { decodeAll } from "../../src/input/decode-all.js";
import { findUnreadable } from "../../src/input/unreadable.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { batches, fileSplit } from "./batches.js";
import {
  firstScans,
  scansOf,
  soundJpeg,
  torn,
  withExtraneous,
  withOddRevision,
} from "./torn-jpegs.js";

const skip = engine.target.native.host ? false : "the engine has no operations of native/kernels/";

const progressive = soundJpeg("progressive.jpg");
const second = scansOf(progressive)[1]!;
const sound = ["colour.jpg", "grey.jpg", "cmyk.jpg", "progressive.jpg", "exif-6.jpg"];

/** What `libjpeg-turbo`'s own `djpeg -strict` says of each, but for scans that are missing. */
const damaged: Readonly<Record<string, readonly [jpeg: Buffer, reason: RegExp]>> = {
  ...Object.fromEntries(
    sound.flatMap((name) =>
      [0.5, 0.97].map((kept) => [
        `${kept}-${name}`,
        [
          torn(soundJpeg(name), kept),
          // Of the small progressive one a half ends in a table.
          /premature end of data segment|Input file read error/,
        ],
      ]),
    ),
  ),
  "scans-missing.jpg": [firstScans(progressive, 3), /scans are missing/],
  "extraneous-and-torn.jpg": [
    torn(withExtraneous(progressive, tableBefore(progressive, second)), 0.97),
    /premature end of data segment/,
  ],
  "revision-and-torn.jpg": [
    torn(withOddRevision(soundJpeg("colour.jpg")), 0.5),
    /premature end of data segment/,
  ],
};

/** What libjpeg remarks upon and nothing of is missing, and the sound image of the same pixels. */
const remarked: Readonly<Record<string, readonly [jpeg: Buffer, like: string]>> = {
  "extraneous.jpg": [beforeEnd(soundJpeg("colour.jpg")), "colour.jpg"],
  "extraneous-twice.jpg": [
    beforeEnd(withExtraneous(progressive, tableBefore(progressive, second))),
    "progressive.jpg",
  ],
  "revision.jpg": [withOddRevision(soundJpeg("colour.jpg")), "colour.jpg"],
  "revision-and-extraneous.jpg": [
    beforeEnd(withOddRevision(soundJpeg("colour.jpg"))),
    "colour.jpg",
  ],
};

function tableBefore(jpeg: Buffer, scan: number): number {
  const table = jpeg.lastIndexOf(Buffer.of(0xff, 0xc4), scan);
  return table > scansOf(jpeg)[0]! ? table : scan;
}

function beforeEnd(jpeg: Buffer): Buffer {
  return withExtraneous(jpeg, jpeg.length - 2, 40);
}

async function written(folder: string, files: Readonly<Record<string, Buffer>>) {
  const paths = Object.keys(files).map((name) => join(folder, name));
  for (const [i, contents] of Object.values(files).entries()) await writeFile(paths[i]!, contents);
  const split = fileSplit(paths);
  assert.ok(split.images.kind === "files");
  return { paths, split, images: split.images };
}

const firstOf = (cases: Readonly<Record<string, readonly [Buffer, unknown]>>) =>
  Object.fromEntries(Object.entries(cases).map(([name, [jpeg]]) => [name, jpeg]));

test("a JPEG whose data end before its image is damaged, wherever it ends", { skip }, async (t) => {
  const { paths, split, images } = await written(await temporaryFolder(t), firstOf(damaged));
  for (const path of paths) {
    const header = await readImageHeader(path);
    assert.ok(header.kind === "readable" && !header.suspect, `${path} ends as a JPEG does`);
  }
  const found = await decodeAll(engine, images, { workers: 2 });
  assert.deepEqual(
    found.map(({ path }) => path),
    paths,
  );
  for (const [i, [, reason]] of Object.values(damaged).entries())
    assert.match(found[i]!.reason, reason, paths[i]);
  const options = { batch: 1, resizeTo: 32, target: engine.target };
  for (const [i, path] of paths.entries()) {
    await assert.rejects(batches(engine.open, split, options, [i]), /JPEG/, path);
    assert.equal((await findUnreadable(engine, images, [i]))?.path, path);
  }
});

test("what libjpeg only remarks upon is decoded to the same pixels", { skip }, async (t) => {
  const { split, images } = await written(await temporaryFolder(t), firstOf(remarked));
  assert.deepEqual(await decodeAll(engine, images, { workers: 2 }), []);
  const options = { batch: 1, resizeTo: 32, target: engine.target };
  for (const [i, [, like]] of Object.values(remarked).entries()) {
    const made = await batches(engine.open, split, options, [i]);
    const wanted = await batches(engine.open, fileSplit([like]), options, [0]);
    assert.deepEqual(made[0]!.values, wanted[0]!.values, like);
  }
});

test("libjpeg's own lines do not reach the terminal", { skip }, async (t) => {
  const files = {
    ...firstOf(damaged),
    ...firstOf(remarked),
    "none.jpg": Buffer.from("\xff\xd8\xff?", "latin1"),
  };
  const { paths } = await written(await temporaryFolder(t), files);
  const program = `
    import { openEngine } from ${JSON.stringify(new URL("../../src/engine/open.js", import.meta.url))};
    import { decodeAll } from ${JSON.stringify(new URL("../../src/input/decode-all.js", import.meta.url))};
    const paths = ${JSON.stringify(paths)};
    const orientations = new Uint8Array(paths.length).fill(1);
    const decoders = paths.map(() => "jpeg-or-png");
    const source = { kind: "files", paths, orientations, decoders };
    console.error((await decodeAll(openEngine(), source, { workers: 1 })).length);
  `;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  assert.equal(stderr, `${Object.keys(damaged).length + 1}\n`);
});
