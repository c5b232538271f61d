import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { bitData as main, runHere } from "./command.js";

const foreign = (name: string) => readFile(fixturePath("foreign", name));

test("check names what is not decoded and the command for it, which mends it", async (t) => {
  const folder = await temporaryFolder(t);
  const [photos, copy] = [join(folder, "photos"), join(folder, "copy")];
  const [tiff, heic] = [await foreign("raw.tif"), await foreign("one.heic")];
  await writeTree(photos, {
    "a/1.tif": tiff,
    "a/2.heic": heic,
    "b/1.tif": tiff,
    "b/2.heic": heic,
  });
  const before = await runHere(main, ["check", photos, "--fast"]);
  assert.equal(before.code, 2);
  assert.match(before.stdout, /1\.tif: TIFF\n[\s\S]*npx bit-data convert FOLDER --to NEW_FOLDER\n/);
  const made = await runHere(main, ["convert", photos, "--to", copy]);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(made.stdout, `${copy}: 2 TIFF, 2 HEIC converted, 0 files copied as they are`);
  const after = await runHere(main, ["check", copy, "--fast", "--json"]);
  const report = JSON.parse(after.stdout) as { unsupported: unknown[]; formats: unknown };
  assert.deepEqual([report.unsupported, report.formats], [[], { png: 4 }]);
});

test("convert without its folder or name is told what to type, and --json gives the report", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTree(folder, { "photos/1.tif": await foreign("refused-cmyk.tif") });
  const from = join(folder, "photos");
  for (const words of [["convert"], ["convert", from], ["convert", from, from, "--to", "x"]]) {
    const { code, stderr } = await runHere(main, words);
    assert.equal(code, 2);
    assert.match(stderr, /npx bit-data convert photos --to photos-png/);
  }
  const to = join(folder, "copy");
  const refused = await runHere(main, ["convert", from, "--to", to]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /1\.tif \(a TIFF of CMYK\)/);
  assert.deepEqual(await readdir(folder), ["photos"]);
  const skipped = await runHere(main, ["convert", from, "--to", to, "--bad_images=skip", "--json"]);
  const report = JSON.parse(skipped.stdout) as { copied: number; unconverted: unknown[] };
  assert.deepEqual([skipped.code, report.copied, report.unconverted.length], [0, 1, 1]);
});
