/** `bit-find`: look-alikes and mislabelled candidates among the embedded images, by the embedded model. */
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { classesOf } from "../../src/run/folder-features.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";
import { bitFind as main, runBin, runHere } from "./command.js";

const sample = join(repositoryRoot, "sample", "images");
const model = ["--weights", "sample-R14x0.5", "--precision", "fp32", "--size", "48"];

test("the copy of an image is the nearest, under any name; the image itself is not listed", async (t) => {
  const root = await temporaryFolder(t);
  const photos = join(root, "photos");
  await cp(join(sample, "train"), photos, { recursive: true });
  const [first] = (await readdir(join(photos, "coat"))).sort();
  const own = join(photos, "coat", first!);
  const copy = join(photos, "sandal", "copy.png");
  await cp(own, copy);
  const link = join(root, "link.png");
  await symlink(own, link);
  const csv = join(root, "found.csv");
  const args = [own, link, "--in", photos, ...model, "--top", "3"];
  const { code, stdout, stderr } = await runBin("bit-find", [...args, "--json", "--csv", csv]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual(
    { ...report, found: report.found.map(({ image }: { image: string }) => image) },
    {
      ...{ model: "sample-R14x0.5", folder: photos, images: 26, size: 48, precision: "fp32" },
      ...{ skipped: [], notes: [], found: [own, link] },
    },
  );
  for (const { found } of report.found) {
    assert.equal(found.length, 3);
    assert.deepEqual([found[0].path, found[0].class], [copy, "sandal"]);
    // Seen in another batch: float32 rounds otherwise.
    assert.ok(found[0].similarity > 1 - 1e-6);
    assert.ok(found[1].similarity < 0.9999 && found[1].similarity >= found[2].similarity);
    assert.ok(!found.some(({ path }: { path: string }) => path === own));
  }
  const rows = (await readFile(csv, "utf8")).trimEnd().split("\n");
  assert.equal(rows.length, 7);
  assert.deepEqual(rows[0], "image,rank,path,class,similarity");
  assert.ok(rows[1]!.startsWith(`${own},1,${copy},sandal,`));

  const readable = await runHere(main, args);
  assert.equal(readable.code, 0, readable.stderr);
  assert.ok(readable.stdout.includes(`${own}\n   1.0000  ${copy} (sandal)\n`), readable.stdout);
  assert.match(readable.stdout + readable.stderr, /features of 26 images of .*: kept by/);
});

test("images that were moved to another class are the most suspicious", async (t) => {
  const root = await temporaryFolder(t);
  const photos = join(root, "photos");
  // Classes that the model tells apart: coats and shirts it does not.
  for (const part of ["train", "val"])
    for (const name of ["ankle-boot", "coat"])
      await cp(join(sample, part, name), join(photos, part, name), { recursive: true });
  const moves = [
    ["ankle-boot", "coat"],
    ["coat", "ankle-boot"],
  ] as const;
  const moved: string[] = [];
  for (const [from, to] of moves)
    for (const name of ["000.png", "001.png"]) {
      moved.push(join(photos, "val", to, `moved-${name}`));
      await rename(join(photos, "val", from, name), moved.at(-1)!);
    }
  const csv = join(root, "suspects.csv");
  const args = ["--mislabelled", "--in", photos, ...model, "--top", "4", "--csv", csv];
  const { code, stdout, stderr } = await runHere(main, [...args, "--json"]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  const paths = report.suspects.map(({ path }: { path: string }) => path);
  assert.deepEqual(paths.sort(), moved.sort());
  assert.ok(report.suspects_in_all >= 4 && report.suspects_in_all < 30, report.suspects_in_all);
  for (const one of report.suspects) {
    const [from] = moves.find(([, to]) => to === one.class)!;
    assert.deepEqual([one.likely, one.nearest.class], [from, from]);
    assert.ok(one.shares.likely > 0.7 && one.shares.class < 0.3);
  }
  const rows = (await readFile(csv, "utf8")).trimEnd().split("\n");
  assert.equal(rows[0], "path,class,likely,share_class,share_likely,nearest,similarity");
  assert.equal(rows.length, 5);
  const readable = await runHere(main, args);
  assert.match(
    readable.stdout,
    /^\d+ of 210 images are in another class than their neighbours(, the first 4)?:\n/m,
  );
});

test("an image that cannot be decoded is refused, or left out and named", async (t) => {
  const root = await temporaryFolder(t);
  const photos = join(root, "photos");
  await cp(join(sample, "train", "coat"), photos, { recursive: true });
  const torn = join(photos, "torn.png");
  const [whole] = (await readdir(photos)).sort();
  await writeFile(torn, (await readFile(join(photos, whole!))).subarray(0, 200));
  const args = [join(photos, whole!), "--in", photos, ...model];
  const refused = await runHere(main, args);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /torn\.png.*\n.*\n.*--bad_images skip/);
  const { code, stdout, stderr } = await runHere(main, [...args, "--bad_images", "skip", "--json"]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.images, report.skipped.length], [5, 1]);
  assert.equal(report.skipped[0].source, torn);
  assert.match(stderr, /skipped .*torn\.png/);
  assert.equal(report.found[0].found.length, 4, "the other images of the folder");
  assert.equal("class" in report.found[0].found[0], false);
});

test("what cannot be answered is refused", async (t) => {
  const root = await temporaryFolder(t);
  const image = join(root, "image.png");
  await cp(join(repositoryRoot, "sample", "golden", "cat.jpg"), image);
  await mkdir(join(root, "empty"));
  const train = join(sample, "train");
  const cases: readonly [args: readonly string[], said: RegExp][] = [
    [["--in", train], /no image to look for/],
    [[image, "--in", train, "--mislabelled"], /--mislabelled, and an image to look for/],
    [
      [image, "--in", train, "--knn_neighbours", "3"],
      /--knn_neighbours 3: without --mislabelled nobody votes/,
    ],
    [[image], /--in/],
    [[image, "--in", join(root, "nothing")], /no folder lies there/],
    [[image, "--in", image], /no folder lies there/],
    [[image, "--in", join(root, "empty")], /a folder without an image/],
    [[join(root, "other.png"), "--in", train], /cannot be found/],
    [["--mislabelled", "--in", join(train, "coat")], /lies in no class folder/],
    [["--mislabelled", "--in", root], /lies in no class folder/],
    [["--mislabelled", "--in", train, "--knn_neighbours", "25"], /has 25 images/],
    [["--mislabeled", "--in", train], /--mislabelled/],
    [[image, "--in", train, "--csv", image], /is another file/],
  ];
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await runHere(main, [...args, ...model]);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, said, args.join(" "));
    assert.doesNotMatch(stdout, /similar|\d\.\d{4} /);
  }
  const none = await runHere(main, [image, "--in", train]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no model whose features to compare/);
});

test("class folders, below those of parts or at once, with folders of their own", () => {
  const paths = ["a/cat/1.png", "a/cat/2021/2.png", "a/dog/3.png", "a/4.png"];
  assert.deepEqual(classesOf(paths, "a"), ["cat", "cat", "dog", undefined]);
  const parts = ["p/train/cat/1.png", "p/val/dog/2.png", "p/val/3.png"];
  assert.deepEqual(classesOf(parts, "p"), ["cat", "dog", undefined]);
});

test("the only image of its class is not judged, and too many suspects are said to be so", async (t) => {
  const photos = await temporaryFolder(t);
  for (const name of ["coat", "dress"])
    await cp(join(sample, "train", name), join(photos, name), { recursive: true });
  await mkdir(join(photos, "alone"));
  const [first] = (await readdir(join(sample, "train", "sandal"))).sort();
  const only = join(photos, "alone", "only.png");
  await cp(join(sample, "train", "sandal", first!), only);
  // Classes by turns: no features can tell them apart.
  const moves = (await readdir(join(photos, "coat"))).sort().slice(0, 3);
  for (const name of moves) {
    await rename(join(photos, "coat", name), join(photos, "dress", `c${name}`));
    await rename(join(photos, "dress", name), join(photos, "coat", `d${name}`));
  }
  const args = ["--mislabelled", "--in", photos, ...model];
  const { code, stdout, stderr } = await runHere(main, [
    ...args,
    "--knn_neighbours",
    "3",
    "--json",
  ]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.ok(!report.suspects.some(({ path }: { path: string }) => path === only), stdout);
  assert.match(report.notes[0], /^1 class has one image only/);
  assert.match(
    report.notes[1],
    /^\d+ of 10 are too many to be outliers: either the labels or these features/,
  );

  const singles = await temporaryFolder(t);
  for (const name of ["a", "b"]) await cp(only, join(singles, name, "1.png"));
  const refused = await runHere(main, ["--mislabelled", "--in", singles, ...model]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /one image in each class/);
});
