/** `bit-predict` past images that cannot be decoded: every other image has its row, none in another's. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readNpy } from "../../src/archive/npy.js";
import { writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { bitPredict as main, predictionsIn, runHere } from "./command.js";
import { bmp, pattern } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

const count = 70;
/** Decoding fails. The first shares a batch with others of its kind. */
const torn = [33, 34, 61];
/** Told by its first bytes. */
const foreign = 50;

let root: string;
let tiny: TinyRun;
let folder: string;
let names: string[];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
  const jpeg = await readFile(fixturePath("data", "images", "colour.jpg"));
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < count; i++) {
    const name = String(i).padStart(3, "0");
    if (torn.includes(i)) files[`${name}.jpg`] = jpeg.subarray(0, 0.7 * jpeg.length);
    else if (i === foreign) files[`${name}.png`] = Buffer.from("no image at all");
    else files[`${name}.bmp`] = bmp(pattern(i % 3, i, 40, 36), 40, 36);
  }
  folder = join(root, "seventy");
  await writeTree(folder, files);
  names = Object.keys(files).sort();
});

after(() => rm(root, { recursive: true, force: true }));

/** The probabilities of all classes, highest first, from logits. */
function sortedProbabilities(logits: Float32Array): number[] {
  const exponentials = [...logits].map(Math.exp);
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum).sort((a, b) => b - a);
}

for (const batch of [70, 8]) {
  test(`skip: each image has its own row, in batches of ${batch}`, async () => {
    const out = join(root, `logits-${batch}.npy`);
    const { code, stdout, stderr } = await runHere(main, [
      ...[folder, tiny.run, "--json", "--bad_images", "skip"],
      ...["--batch", String(batch), "--logits", out],
    ]);
    assert.equal(code, 0, stderr);
    const report = predictionsIn(stdout);
    const rows = report.predictions;
    assert.deepEqual([report.count, report.skipped], [count, 4]);
    assert.deepEqual(
      rows.map(({ source }) => source),
      names.map((name) => join(folder, name)),
    );
    const skipped = [...rows.keys()].filter((i) => rows[i]!.skipped !== undefined);
    assert.deepEqual(skipped, [33, 34, foreign, 61]);
    assert.match(rows[33]!.skipped!, /^cannot be decoded \(/);
    assert.match(stderr, /^skipped 4 images:\n/);
    for (const i of skipped) assert.ok(stderr.includes(`  ${join(folder, names[i]!)}: `), stderr);

    const { shape, data } = await readNpy(out);
    assert.deepEqual(shape, [count, 3]);
    // What the image gives by itself, to float32's rounding.
    const logits = (i: number) => (data as Float32Array).slice(3 * i, 3 * i + 3);
    for (const [i, { top }] of rows.entries()) {
      if (top === undefined) assert.ok(logits(i).every(Number.isNaN));
      else {
        const probabilities = top.map(({ probability }) => probability);
        for (const [k, wanted] of sortedProbabilities(logits(i)).entries())
          assert.ok(Math.abs(probabilities[k]! - wanted) < 1e-6);
      }
    }
    for (const i of [32, 35, 62]) {
      const alone = join(root, "alone.npy");
      await runHere(main, [join(folder, names[i]!), tiny.run, "--logits", alone]);
      const wanted = (await readNpy(alone)).data as Float32Array;
      for (const [k, value] of logits(i).entries())
        assert.ok(Math.abs(value - wanted[k]!) < 1e-5, `${i}: ${logits(i)}, ${wanted}`);
    }
  });
}

test("skip: text says in its place why an image has no row", async () => {
  const { code, stdout } = await runHere(main, [folder, tiny.run, "--bad_images", "skip"]);
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.match(lines[lines.indexOf(join(folder, "033.jpg")) + 1]!, /^ {2}skipped: cannot be/);
});

test("refuse: from the headers before any row; in decoding after the rows before it", async () => {
  const all = await runHere(main, [folder, tiny.run]);
  assert.deepEqual([all.code, all.stdout], [2, ""]);
  assert.match(all.stderr, /1 of 70 image files: cannot be read: \S*050\.png/);

  const images = names.filter((_, i) => i !== foreign).map((name) => join(folder, name));
  const out = join(root, "none.npy");
  const { code, stdout, stderr } = await runHere(main, [
    ...[...images, tiny.run, "--json", "--batch", "8", "--logits", out],
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /^error: \S*033\.jpg: cannot be decoded[\s\S]*--bad_images skip$/);
  const [, ...rows] = stdout.split("\n");
  assert.deepEqual(
    rows.map((row) => JSON.parse(row).source),
    images.slice(0, 33),
  );
  // A program must not take for the whole what is a part.
  assert.throws(() => predictionsIn(stdout));
  await assert.rejects(readNpy(out), /no such file/);
});

test("refuse, without files to write: the others have their rows, and the end names all that have none", async () => {
  const images = names.filter((_, i) => i !== foreign).map((name) => join(folder, name));
  const args = [...images, tiny.run, "--json", "--batch", "8"];
  const { code, stdout, stderr } = await runHere(main, args);
  assert.equal(code, 2);
  assert.match(stderr, /^error: 3 of 69 images: cannot be used:$/m);
  for (const i of torn)
    assert.ok(stderr.includes(`\n    ${join(folder, names[i]!)}: cannot be decoded (`), stderr);
  assert.match(stderr, /--bad_images skip$/);
  const [, ...rows] = stdout.split("\n");
  assert.deepEqual(
    rows.map((row) => JSON.parse(row).source),
    images.filter((path) => !torn.some((i) => path === join(folder, names[i]!))),
  );
  assert.throws(() => predictionsIn(stdout));
});

test("images that can none of them be decoded are an error", async () => {
  const args = ["033.jpg", "034.jpg"].map((name) => join(folder, name));
  const { code, stderr } = await runHere(main, [...args, tiny.run, "--bad_images", "skip"]);
  assert.equal(code, 2);
  assert.match(stderr, /all 2 images had to be skipped/);
});
