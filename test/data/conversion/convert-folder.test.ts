/** Files of test/fixtures/foreign are converted to what Pillow shows of them, or refused. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { type ConvertOptions, convertFolder } from "../../../src/data/conversion/convert-folder.js";
import { foreignPixels } from "../../../src/data/conversion/foreign-pixels.js";
import { withNewPaths } from "../../../src/data/conversion/table-paths.js";
import { imageHeaderOf, readImageHeader } from "../../../src/data/files/image-header.js";
import { UserError } from "../../../src/errors.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const FOLDER = fixturePath("foreign");
const expected = JSON.parse(readFileSync(join(FOLDER, "expected.json"), "utf8")) as Record<
  string,
  { height: number; width: number; pixels: string }
>;
const names = readdirSync(FOLDER).filter((name) => name !== "expected.json");
const read = (name: string): Buffer => readFileSync(join(FOLDER, name));

function formatOf(name: string): string {
  const header = imageHeaderOf(read(name));
  assert.ok(header.kind === "unsupported", name);
  return header.format;
}

/** Mean and largest difference of grey levels. */
function differences(a: Uint8Array, b: Uint8Array): { mean: number; most: number } {
  assert.equal(a.length, b.length);
  const all = Array.from(a, (level, i) => Math.abs(level - b[i]!));
  return { mean: all.reduce((sum, x) => sum + x, 0) / all.length, most: Math.max(...all) };
}

test("TIFF, AVIF and HEIC have Pillow's pixels, upright", async () => {
  for (const name of names.filter((name) => !name.startsWith("refused"))) {
    const { height, width, pixels } = expected[name]!;
    const made = await foreignPixels(read(name), formatOf(name));
    assert.deepEqual([made.height, made.width], [height, width], name);
    const { mean, most } = differences(made.rgb, Buffer.from(pixels, "base64"));
    // TIFF is exact. Decoders of HEIC and AVIF round the colours otherwise; where an AVIF has half their
    // resolution, libheif repeats what Pillow's libavif interpolates.
    const bound = name.endsWith(".tif") ? 0 : /half|turned/.test(name) ? 9 : 2;
    assert.ok(mean <= bound && (bound > 0 || most === 0), `${name}: mean ${mean}, most ${most}`);
  }
});

test("what may look otherwise elsewhere is refused in words", async () => {
  const reasons: Record<string, RegExp> = {
    "refused-cmyk.tif": /^a TIFF of CMYK$/,
    "refused-lab.tif": /^a TIFF of Lab$/,
    "refused-ycbcr.tif": /^a TIFF of YCbCr without JPEG$/,
    "refused-float.tif": /^a TIFF of numbers of the type float$/,
    "refused-odd-turned.avif": /^turned, and of 21 x 13 pixels, of which one number is odd$/,
  };
  const refused = names.filter((name) => name.startsWith("refused"));
  assert.deepEqual(refused.toSorted(), Object.keys(reasons).toSorted());
  for (const name of refused)
    await assert.rejects(foreignPixels(read(name), formatOf(name)), { message: reasons[name] });
  for (const name of ["tiff_lzw.tif", "full.avif", "one.heic"]) {
    const whole = read(name);
    const cut = foreignPixels(whole.subarray(0, whole.length * 0.7), formatOf(name));
    await assert.rejects(cut, { name: "NotConverted" }, name);
  }
});

async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
}

const SOURCE = {
  "train/cat/1.tif": read("raw.tif"),
  "train/cat/1.png": readFileSync(fixturePath("data", "images", "rgba.png")),
  "train/dog/2.HEIC": read("one.heic"),
  "train/dog/3.jpg": read("turned.tif"),
  "train/dog/notes.md": "see 1.tif",
  "labels.csv": 'path,label\n"train/cat/1.tif",cat\n./train/dog/2.HEIC,dog\n\xff,\n',
  ".hidden": "",
};
const base = { format: "png", badImages: "refuse" } as const satisfies Partial<ConvertOptions>;

test("a folder's copy has PNG for what is foreign, its names in tables, and all else as it was", async (t) => {
  const folder = await temporaryFolder(t);
  const [from, to] = [join(folder, "photos"), join(folder, "copy")];
  const source = { ...SOURCE, "labels.csv": Buffer.from(SOURCE["labels.csv"], "latin1") };
  await writeTree(from, source);
  const done: number[] = [];
  const report = await convertFolder({ ...base, from, to, progress: (n) => done.push(n) });
  assert.deepEqual(report, {
    to,
    converted: { TIFF: 2, HEIC: 1 },
    copied: 3,
    tables: ["labels.csv"],
    skipped: 1,
    unconverted: [],
  });
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
  const files = ["labels.csv", "train/cat/1.png", "train/cat/1.tif.png", "train/dog/2.png"];
  assert.deepEqual(await tree(to), [...files, "train/dog/3.png", "train/dog/notes.md"]);
  assert.deepEqual(
    await readFile(join(to, "labels.csv")),
    Buffer.from('path,label\n"train/cat/1.tif.png",cat\n./train/dog/2.png,dog\n\xff,\n', "latin1"),
  );
  assert.deepEqual(await readFile(join(to, "train/cat/1.png")), SOURCE["train/cat/1.png"]);
  const made = await sharp(join(to, "train/cat/1.tif.png")).raw().toBuffer();
  assert.deepEqual(made, Buffer.from(expected["raw.tif"]!.pixels, "base64"));
  // Turned while it is converted: nothing is left to turn.
  const turned = await readImageHeader(join(to, "train/dog/3.png"));
  assert.ok(turned.kind === "readable" && turned.orientation === 1 && turned.height === 21);
  for (const [path, contents] of Object.entries(source))
    assert.deepEqual(await readFile(join(from, path)), Buffer.from(contents), path);
  assert.deepEqual((await readdir(folder)).sort(), ["copy", "photos"]);
});

test("one image is converted into a folder, as JPEG where that is asked for", async (t) => {
  const to = join(await temporaryFolder(t), "copy");
  const from = join(FOLDER, "one.heic");
  const report = await convertFolder({ ...base, from, to, format: "jpeg" });
  assert.deepEqual(report.converted, { HEIC: 1 });
  const header = await readImageHeader(join(to, "one.jpg"));
  assert.ok(header.kind === "readable" && header.format === "jpg");
});

test("an image that cannot be converted leaves nothing, or is copied and named", async (t) => {
  const folder = await temporaryFolder(t);
  const [from, to] = [join(folder, "photos"), join(folder, "copy")];
  await writeTree(from, { "a/1.tif": read("raw.tif"), "a/2.tif": read("refused-cmyk.tif") });
  await assert.rejects(convertFolder({ ...base, from, to }), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /1 of 2 files.*2\.tif \(a TIFF of CMYK\)[\s\S]*--bad_images skip/);
    return true;
  });
  assert.deepEqual(await readdir(folder), ["photos"]);
  const report = await convertFolder({ ...base, from, to, badImages: "skip" });
  assert.deepEqual(
    report.unconverted.map(({ path }) => path),
    [join(from, "a/2.tif")],
  );
  assert.deepEqual(await tree(to), ["a/1.png", "a/2.tif"]);
});

test("a target that is there, or within the source, is refused; so is a source that is not", async (t) => {
  const folder = await temporaryFolder(t);
  const from = join(folder, "photos");
  await writeTree(from, { "a/1.tif": read("raw.tif") });
  const into = (to: string, source = from) => convertFolder({ ...base, from: source, to });
  await assert.rejects(into(from), /exists already/);
  await assert.rejects(into(join(from, "copy")), /lies within/);
  await assert.rejects(into(join(folder, "none", "copy")), /ENOENT.*\n.*existing folder/);
  await assert.rejects(into(join(folder, "copy"), join(folder, "gone")), /cannot be found/);
  assert.deepEqual(await readdir(folder), ["photos"]);
});

test("what is stopped leaves nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const [from, to] = [join(folder, "photos"), join(folder, "copy")];
  await writeTree(from, { "a/1.heic": read("one.heic"), "a/2.tif": read("raw.tif") });
  const controller = new AbortController();
  const { signal } = controller;
  const stopped = convertFolder({ ...base, from, to, signal, progress: () => controller.abort() });
  await assert.rejects(stopped, { name: "AbortError" });
  assert.deepEqual(await readdir(folder), ["photos"]);
  assert.equal((await stat(join(from, "a/2.tif"))).size, read("raw.tif").length);
});

test("tables' other words stay as they are", () => {
  const renamed = new Map([["data/a/1.tif", "data/a/1.png"]]);
  const change = (text: string, folder = "data") => withNewPaths(text, folder, renamed);
  assert.deepEqual(change("a/1.tif,1\na/1.tif.bak,2\nba/1.tif\n"), {
    text: "a/1.png,1\na/1.tif.bak,2\nba/1.tif\n",
    changed: 1,
  });
  assert.equal(change('{"file_name": "1.tif"}\r\n', "data/a").text, '{"file_name": "1.png"}\r\n');
  assert.equal(change("a/1.tif", ".").changed, 0);
});
