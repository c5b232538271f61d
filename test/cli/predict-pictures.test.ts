/** `bit-predict --annotate` and `--explain`: what the pictures show, what they are called, and that they are all there or none. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeNpy } from "../../src/archive/npy.js";
import { imageHeaderOf } from "../../src/data/files/image-header.js";
import { UprightProgram } from "../../src/input/upright-program.js";
import { PictureNames } from "../../src/run/picture-names.js";
import { writeTree } from "../data/temporary-folder.js";
import { imageValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { bitPredict, runHere } from "./command.js";
import { bmp, pattern } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
});

after(() => rm(root, { recursive: true, force: true }));

const predicted = (...args: string[]) => runHere(bitPredict, [...args, "--run", tiny.run]);

/** A JPEG's pixels, and a look-up of one. */
async function decoded(path: string) {
  const bytes = await readFile(path);
  const header = imageHeaderOf(bytes);
  assert.equal(header.kind, "readable");
  if (header.kind !== "readable") throw new Error(path);
  const { height, width } = header;
  const program = new UprightProgram(engine);
  const levels = await program.make({ bytes, decoder: "jpeg-or-png", orientation: 1 }, [
    height,
    width,
  ]);
  program.close();
  const at = (y: number, x: number) => [
    ...levels.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
  ];
  return { height, width, levels, at };
}

test("copies are upright, of their own size, and below them is what the model makes of them", async () => {
  const turned = [1, 6].map((i) => fixturePath("data", "images", `exif-${i}.jpg`));
  const photo = fixturePath("..", "..", "sample", "golden", "cat.jpg");
  const out = join(root, "annotated");
  const { code, stdout, stderr } = await predicted(
    ...turned,
    photo,
    "--annotate",
    out,
    "--top",
    "2",
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split("\n").length, 9);
  assert.deepEqual((await readdir(out)).sort(), ["cat.jpg", "exif-1.jpg", "exif-6.jpg"]);
  const original = await decoded(photo);
  const copy = await decoded(join(out, "cat.jpg"));
  assert.equal(copy.width, original.width);
  assert.ok(copy.height > original.height + 28, "two rows");
  let off = 0;
  for (let i = 0; i < original.levels.length; i++)
    off += Math.abs(original.levels[i]! - copy.levels[i]!);
  // What a JPEG of quality 92 loses.
  assert.ok(off / original.levels.length < 4, `${off / original.levels.length}`);
  const [one, six] = [
    await decoded(join(out, "exif-1.jpg")),
    await decoded(join(out, "exif-6.jpg")),
  ];
  assert.deepEqual([six.height, six.width], [one.height, one.width]);
  const strip = copy.levels.subarray(original.levels.length);
  assert.ok(
    strip.some((value) => value > 230),
    "letters",
  );
});

test("a large image is made smaller, in its shape", async () => {
  const [height, width] = [100, 3200];
  const wide = join(root, "wide.bmp");
  await writeFile(wide, bmp(pattern(0, 3, height, width), height, width));
  const out = join(root, "smaller");
  const { code, stderr } = await predicted(wide, "--annotate", out);
  assert.equal(code, 0, stderr);
  const copy = await decoded(join(out, "wide.jpg"));
  assert.equal(copy.width, 1600);
  assert.ok(copy.height > 50 && copy.height < 400);
});

test("an explanation has the image as the network sees it, and colours where it has values", async () => {
  const batch = join(root, "two.npy");
  const data = imageValues(2, 64, 96);
  await writeNpy(batch, { shape: [2, 64, 96, 3], data });
  const image = join(tiny.images, "val", "red", "9.bmp");
  const [out, all] = [join(root, "explained"), join(root, "all")];
  const { code, stderr } = await predicted(batch, image, "--explain", out, "--annotate", all);
  assert.equal(code, 0, stderr);
  const names = ["9.jpg", "two-0.jpg", "two-1.jpg"];
  assert.deepEqual((await readdir(out)).sort(), names);
  assert.deepEqual((await readdir(all)).sort(), names);
  const picture = await decoded(join(out, "two-1.jpg"));
  // Magnified three times; beside it the same with the map.
  assert.equal(picture.width, 2 * 288 + 4);
  const annotated = await decoded(join(all, "two-1.jpg"));
  assert.equal(annotated.width, 288);
  let off = 0;
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 96; x++) {
      const start = ((64 + y) * 96 + x) * 3;
      const [r, g, b] = [0, 1, 2].map((c) => 127.5 * (data[start + c]! + 1));
      const grey = 0.299 * r! + 0.587 * g! + 0.114 * b!;
      const [got] = [picture.at(3 * y + 1, 3 * x + 1)];
      off += Math.abs(0.299 * got[0]! + 0.587 * got[1]! + 0.114 * got[2]! - grey);
    }
  // Noise, of which a JPEG keeps the brightness.
  assert.ok(off / (64 * 96) < 6, `${off / (64 * 96)}`);
});

test("a class is chosen by name or number", async () => {
  const image = join(tiny.images, "val", "red", "9.bmp");
  const bytesOf = async (...flags: string[]) => {
    const out = join(root, `chosen-${flags.join("")}`);
    const { code, stderr } = await predicted(image, "--explain", out, ...flags);
    assert.equal(code, 0, stderr);
    return await readFile(join(out, "9.jpg"));
  };
  const byName = await bytesOf("--explain_class", "blue");
  assert.deepEqual(await bytesOf("--explain_class", "0"), byName);
  assert.notDeepEqual(await bytesOf("--explain_class", "red"), byName);
  const cases: [string[], RegExp][] = [
    [["--explain", join(root, "no"), "--explain_class", "bleu"], /no class of[\s\S]*blue/],
    [["--explain", join(root, "no"), "--explain_class", "3"], /no class of[\s\S]*0 to 2/],
    [["--explain_class", "blue"], /--explain as well[\s\S]*--explain FOLDER/],
  ];
  for (const [flags, message] of cases) {
    const { code, stdout, stderr } = await predicted(image, ...flags);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  }
});

test("the folder is whole or not there, and takes the place of nothing", async () => {
  const folder = join(root, "mixed");
  const good = bmp(pattern(1, 1, 32, 32), 32, 32);
  const cut = (await readFile(fixturePath("..", "..", "sample", "golden", "cat.jpg"))).subarray(
    0,
    3000,
  );
  await writeTree(folder, { "1.bmp": good, "2.jpg": cut, "3.bmp": good, "x/1.bmp": good });
  const out = join(root, "out");
  const before = (await readdir(root)).sort();
  for (const flag of ["--explain", "--annotate"]) {
    const refused = await predicted(folder, flag, out);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /2\.jpg: cannot be decoded/);
    assert.deepEqual((await readdir(root)).sort(), before, "nothing is left");
    const skipping = await predicted(folder, flag, out, "--bad_images", "skip");
    assert.equal(skipping.code, 0, skipping.stderr);
    assert.deepEqual((await readdir(out)).sort(), ["1-2.jpg", "1.jpg", "3.jpg"]);
    // Not even its own.
    const again = await predicted(join(folder, "1.bmp"), flag, out);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /something of this name already[\s\S]*name another with --/);
    assert.equal((await readdir(out)).length, 3);
    await rm(out, { recursive: true });
  }
  const both = await predicted(join(folder, "1.bmp"), "--explain", out, "--annotate", out);
  assert.match(both.stderr, /--annotate and --explain: both are/);
  const nowhere = await predicted(join(folder, "1.bmp"), "--explain", join(root, "no", "where"));
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /its folder does not exist/);
  await mkdir(out);
  assert.equal((await predicted(join(folder, "1.bmp"), "--explain", out)).code, 2);
  await rm(out, { recursive: true });
});

test("no two pictures have the same name", () => {
  const names = new PictureNames();
  const next = (source: string, index?: number) => names.next({ source, index });
  assert.deepEqual(
    [
      next("a/x.jpg"),
      next("b/X.png"),
      next("x-2.jpg"),
      next("x-2"),
      next("b.npy", 0),
      next("b-0.png"),
    ],
    ["x.jpg", "X-2.jpg", "x-2-2.jpg", "x-2-3.jpg", "b-0.jpg", "b-0-2.jpg"],
  );
  const long = next(`${"ü".repeat(120)}.jpg`);
  assert.ok(Buffer.byteLength(long) <= 255);
});
