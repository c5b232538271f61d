import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { test } from "node:test";
import type { FileSource, Split } from "../../../src/data/dataset.js";
import { loadImageFolder } from "../../../src/data/files/image-folder.js";
import { withoutUndecodable } from "../../../src/data/files/undecodable-images.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const image = (name: string) => readFile(fixturePath("data", "images", name));
const options = { name: "mine", seed: 0 };
const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

function filesOf(split: Split): FileSource {
  assert.ok(split.images.kind === "files");
  return split.images;
}

test("train and val folders become a dataset", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    "train/cat/1.jpg": await image("exif-6.jpg"), // stored 48 x 32, upright 32 x 48
    "train/cat/2.png": await image("grey16.png"), // 32 x 48
    "train/dog/3.bmp": await image("colour.bmp"), // 31 x 45
    "train/dog/notes.txt": "",
    "val/cat/4.gif": await image("two-frames.gif"),
    "val/dog/5.webp": await image("lossy.webp"),
    "val/dog/.hidden": "",
    "test/cat/6.jpg": "not looked at",
  });
  const dataset = await loadImageFolder(root, options);
  assert.equal(dataset.name, "mine");
  assert.deepEqual(dataset.classNames, ["cat", "dog"]);
  assert.deepEqual([...dataset.train.labels], [0, 0, 1]);
  assert.deepEqual([...dataset.val.labels], [0, 1]);
  const train = filesOf(dataset.train);
  assert.deepEqual(
    train.paths,
    ["cat/1.jpg", "cat/2.png", "dog/3.bmp"].map((path) => join(root, "train", path)),
  );
  assert.deepEqual([...train.orientations], [6, 1, 1]);
  assert.deepEqual(train.decoders, ["jpeg-or-png", "jpeg-or-png", "bmp"]);
  assert.deepEqual(filesOf(dataset.val).decoders, ["any-image", "any-image"]);
  // Medians of 32, 32, 31 and of 48, 48, 45.
  assert.deepEqual(dataset.typicalSize, [32, 48]);
  assert.equal(dataset.skipped, 2);
});

test("the held-out part has one of four names, in order of preference", async (t) => {
  const png = await image("rgba.png");
  for (const [present, taken] of [
    [["test"], "test"],
    [["test", "valid"], "valid"],
    [["test", "valid", "validation"], "validation"],
    [["test", "valid", "validation", "val"], "val"],
  ] as const) {
    const root = await temporaryFolder(t);
    for (const part of ["train", ...present])
      await writeTree(root, { [`${part}/a/1.png`]: png, [`${part}/b/1.png`]: png });
    const { val } = await loadImageFolder(root, options);
    assert.deepEqual(
      filesOf(val).paths,
      ["a", "b"].map((name) => join(root, taken, name, "1.png")),
    );
  }
});

test("class folders alone are divided by seed, every class in the same part", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  const counts = { a: 10, b: 1, c: 2, d: 14 };
  for (const [name, count] of Object.entries(counts))
    for (let i = 0; i < count; i++) await writeTree(root, { [`${name}/${i}.png`]: png });
  const dataset = await loadImageFolder(root, options);
  const ofClass = (split: Split) =>
    [0, 1, 2, 3].map((c) => split.labels.filter((l) => l === c).length);
  assert.deepEqual(ofClass(dataset.val), [2, 0, 1, 3]);
  assert.deepEqual(ofClass(dataset.train), [8, 1, 1, 11]);
  const all = [...filesOf(dataset.train).paths, ...filesOf(dataset.val).paths];
  assert.equal(new Set(all).size, 27);
  for (const split of [dataset.train, dataset.val])
    filesOf(split).paths.forEach((path, i) => {
      assert.equal(relative(root, path)[0], dataset.classNames[split.labels[i]!]);
    });
  assert.deepEqual(await loadImageFolder(root, options), dataset);
  const other = await loadImageFolder(root, { ...options, seed: 1 });
  assert.notDeepEqual(filesOf(other.val).paths, filesOf(dataset.val).paths);
});

test("train without a held-out part is divided too", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (let i = 0; i < 10; i++)
    await writeTree(root, { [`train/${i % 2 ? "b" : "a"}/${i}.png`]: png });
  const { train, val, classNames } = await loadImageFolder(root, options);
  assert.deepEqual([classNames, train.labels.length, val.labels.length], [["a", "b"], 8, 2]);
});

test("what cannot be divided, or is not clear, is refused", async (t) => {
  const png = await image("rgba.png");
  const single = await temporaryFolder(t);
  await writeTree(single, { "a/1.png": png, "b/1.png": png });
  await rejects(loadImageFolder(single, options), /none can be held out/);
  const noTrain = await temporaryFolder(t);
  await writeTree(noTrain, { "val/a/1.png": png, "a/1.png": png });
  await rejects(loadImageFolder(noTrain, options), /a part val, but none to train on/);
});

test("classes that differ between the parts are listed", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (const path of ["train/a", "train/b", "train/c", "val/a", "val/d"])
    await writeTree(root, { [`${path}/1.png`]: png });
  await rejects(
    loadImageFolder(root, options),
    /val: has d, which training lacks: .*val\/d\/1\.png\n/,
  );
});

test("unreadable files are named, at most five, and counted", async (t) => {
  const root = await temporaryFolder(t);
  for (let i = 0; i < 3; i++)
    await writeTree(root, { [`train/a/ok-${i}.png`]: await image("rgba.png") });
  await writeTree(root, { "train/b/ok.png": await image("rgba.png") });
  for (let i = 0; i < 7; i++)
    await writeTree(root, { [`val/a/bad-${i}.jpg`]: i % 2 ? "" : "?????" });
  await rejects(
    loadImageFolder(root, options),
    /^7 of 11 image files: cannot be read: .*bad-0\.jpg .*bad-1\.jpg \(0 bytes\), .*bad-4\.jpg \(.*\) and 2 more\n/,
  );
});

test("images in formats that the engine does not read are named", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    "a/1.png": await image("rgba.png"),
    "b/1.png": await image("rgba.png"),
    "a/2.heic": Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
  });
  await rejects(loadImageFolder(root, options), /2\.heic \(HEIC\)\n.*JPEG, PNG, BMP.*\n.*convert/);
});

test("images that cannot be used are left out where that is asked for, and reported", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  await writeTree(root, {
    "train/a/1.png": png,
    "train/a/2.jpg": "?????",
    "train/b/1.png": png,
    "val/a/1.heic": Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
    "val/b/1.png": png,
  });
  await rejects(loadImageFolder(root, options), /2\.jpg .*\n.*\n.*--bad_images skip/);
  const skip = { ...options, badImages: "skip" } as const;
  const dataset = await loadImageFolder(root, skip);
  assert.deepEqual([...dataset.train.labels, ...dataset.val.labels], [0, 1, 1]);
  assert.deepEqual(filesOf(dataset.val).paths, [join(root, "val", "b", "1.png")]);
  assert.deepEqual(
    dataset.unreadable?.map(({ path, kind }) => [relative(root, path), kind]),
    [
      ["train/a/2.jpg", "corrupt"],
      ["val/a/1.heic", "unsupported"],
    ],
  );
  await writeTree(root, { "train/b/1.png": "" });
  await rejects(loadImageFolder(root, skip), /no training image that can be used in the class b/);
  const seen = await loadImageFolder(root, { ...options, badImages: "report" });
  assert.deepEqual([...seen.train.labels], [0]);
});

test("what only decoding finds is taken out of both parts", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (const path of ["train/a/1", "train/a/2", "train/b/1", "val/a/1", "val/b/1"])
    await writeTree(root, { [`${path}.png`]: png });
  const dataset = await loadImageFolder(root, options);
  const found = { reason: "cut off", kind: "corrupt" } as const;
  const without = (bad: string) =>
    withoutUndecodable(dataset, async ({ paths }) =>
      paths.flatMap((path, index) => (path.endsWith(bad) ? [{ ...found, path, index }] : [])),
    );
  const { train, val, unreadable } = await without("a/1.png");
  assert.deepEqual([[...train.labels], [...val.labels]], [[0, 1], [1]]);
  assert.equal(unreadable?.length, 2);
  await rejects(without("b/1.png"), /in the class b/);
});

test("many files are read in order", async (t) => {
  const root = await temporaryFolder(t);
  const names = ["colour.jpg", "grey16.png", "colour.bmp", "two-frames.gif"];
  const contents = await Promise.all(names.map(image));
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 400; i++)
    files[`train/a/${String(i).padStart(3, "0")}-${names[i % 4]}`] = contents[i % 4]!;
  await writeTree(root, { ...files, "train/b/1.jpg": contents[0]!, "val/a/1.jpg": contents[0]! });
  const { paths, decoders } = filesOf((await loadImageFolder(root, options)).train);
  paths.slice(0, 400).forEach((path, i) => {
    assert.ok(basename(path).startsWith(String(i).padStart(3, "0")));
    assert.equal(decoders[i], ["jpeg-or-png", "jpeg-or-png", "bmp", "any-image"][i % 4]);
  });
});

test("parts go by the words that people use, and what lies beside them is named", async (t) => {
  const png = await image("rgba.png");
  for (const [train, held] of [
    ["Train", "Test"],
    ["training", "testing"],
    ["seg_train", "seg_test"],
    ["TRAIN", "VAL"],
    ["training_set", "test_set"],
    ["train", "dev"],
    ["train", "evaluation"],
  ]) {
    const root = await temporaryFolder(t);
    for (const path of [`${train}/a/1`, `${train}/b/1`, `${held}/a/1`, `${held}/b/1`, "pred/1"])
      await writeTree(root, { [`${path}.png`]: png });
    const { classNames, train: split, val, notes } = await loadImageFolder(root, options);
    assert.deepEqual([classNames, split.labels.length, val.labels.length], [["a", "b"], 2, 2]);
    assert.deepEqual(notes, ["not used, beside the parts: pred"]);
  }
});

test("a part that lies in a folder of its own name is found, and one without classes is not used", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (const path of ["training_set/training_set/a/1", "training_set/training_set/b/1", "test/7"])
    await writeTree(root, { [`${path}.png`]: png, [`${path}-too.png`]: png });
  const { classNames, notes } = await loadImageFolder(root, options);
  assert.deepEqual([classNames, notes], [["a", "b"], ["not used, beside the parts: test"]]);
  const flat = await temporaryFolder(t);
  await writeTree(flat, { "train/1.png": png, "test/2.png": png });
  await rejects(
    loadImageFolder(flat, options),
    /named as parts, test, train, in which there are no class/,
  );
});

test("a class may be called train; what could be either is refused", async (t) => {
  const png = await image("rgba.png");
  const vehicles = await temporaryFolder(t);
  for (const name of ["bus", "car", "train"])
    for (const i of [1, 2]) await writeTree(vehicles, { [`${name}/${i}.png`]: png });
  assert.deepEqual((await loadImageFolder(vehicles, options)).classNames, ["bus", "car", "train"]);
  await writeTree(vehicles, { "train/steam/3.png": png });
  await rejects(
    loadImageFolder(vehicles, options),
    /a folder train, as a part is called, and beside it bus, car\n/,
  );
});

test("a folder one too high, and a single class, are refused with the folder to give", async (t) => {
  const png = await image("rgba.png");
  const root = await temporaryFolder(t);
  for (const path of ["photos/cat/1", "photos/cat/2", "photos/dog/1"])
    await writeTree(root, { [`${path}.png`]: png });
  await rejects(
    loadImageFolder(root, options),
    /one class only: photos\n.*\n.*type --dataset '.*\/photos'/,
  );
  await rejects(loadImageFolder(join(root, "photos", ".."), options), /one class only/);
  const deep = await temporaryFolder(t);
  for (const path of ["cub/images/cat/1", "cub/images/dog/1"])
    await writeTree(deep, { [`${path}.png`]: png });
  await rejects(loadImageFolder(deep, options), /one class only: cub\n.*\n.*'.*\/cub\/images'/);
  const single = await temporaryFolder(t);
  await writeTree(single, { "cat/1.png": png, "cat/2.png": png });
  await rejects(loadImageFolder(single, options), /one class only: cat\n.*\n.*another class/);
});

test("folders of the system's are left out, and named", async (t) => {
  const png = await image("rgba.png");
  const root = await temporaryFolder(t);
  for (const path of ["a/1", "a/2", "b/1", "b/2", "b/@eaDir/1.png/SYNOPHOTO_THUMB"])
    await writeTree(root, { [`${path}.png`]: png });
  const system = [
    "$RECYCLE.BIN",
    "__MACOSX/a",
    "lost+found",
    "System Volume Information",
    "@eaDir/a",
  ];
  for (const path of system) await writeTree(root, { [`${path}/1.png`]: png });
  const { classNames, train, val, notes } = await loadImageFolder(root, options);
  assert.deepEqual([classNames, train.labels.length + val.labels.length], [["a", "b"], 4]);
  assert.match(notes!.join(), /left out, as folders of the system's: \$RECYCLE\.BIN, @eaDir, /);
});

test("a copy of the set within itself is refused", async (t) => {
  const png = await image("rgba.png");
  const files = (prefix: string) =>
    Object.fromEntries(["a/1", "a/2", "b/1"].map((path) => [`${prefix}${path}.png`, png]));
  const whole = await temporaryFolder(t);
  await writeTree(whole, { ...files(""), ...files("photos/") });
  await rejects(loadImageFolder(whole, options), /photos: seems to be a copy of the whole dataset/);
  const one = await temporaryFolder(t);
  await writeTree(one, { ...files(""), "a/a/1.png": png, "a/a/2.png": png });
  await rejects(loadImageFolder(one, options), /a\/a: seems to be a copy of the folder a/);
  // Folders within a class are nothing unusual.
  const albums = await temporaryFolder(t);
  await writeTree(albums, { ...files(""), "a/b/9.png": png, "b/2/9.png": png });
  assert.deepEqual((await loadImageFolder(albums, options)).classNames, ["a", "b"]);
});

test("folders within class folders that may be meant as classes are named", async (t) => {
  const png = await image("rgba.png");
  const loaded = async (...paths: readonly string[]) => {
    const root = await temporaryFolder(t);
    await writeTree(root, Object.fromEntries(paths.map((path) => [`${path}.png`, png])));
    return loadImageFolder(root, options);
  };
  const kinds = await loaded(
    "pets/cat/1",
    "pets/dog/1",
    "pets/dog/2",
    "wild/wolf/1",
    "wild/wolf/2",
  );
  assert.deepEqual(kinds.classNames, ["pets", "wild"]);
  assert.match(kinds.notes!.join(), /not those within them: pets\/cat, pets\/dog$/);
  // As Tiny ImageNet has it.
  const images = await loaded("n1/images/1", "n1/images/2", "n2/images/1", "n2/images/2");
  assert.deepEqual(images.notes, []);
});

test("names that are no UTF-8 are shown byte by byte", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { "a/1.png": await image("rgba.png") });
  await mkdir(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]));
  await rejects(loadImageFolder(root, options), /a name that is no UTF-8: caf\\xe9\n.*\n.*convmv/);
});
