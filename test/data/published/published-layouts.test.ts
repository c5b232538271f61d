/** Small copies of datasets in the layouts of their publishers, read where they lie and fetched. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { loadDataset } from "../../../src/data/datasets.js";
import { FLOWER_NAMES } from "../../../src/data/published/flower-names.js";
import type { DataFetch } from "../../../src/data/published/published-file.js";
import { fixturePath } from "../../fixture-path.js";
import { serveData } from "../data-server.js";
import { type Files, sumsOf, tarGzOf, zipOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

// 32 pixels high, 48 wide.
const JPEG = await readFile(fixturePath("data", "images", "exif-1.jpg"));
const mat = (name: string) => readFile(fixturePath("data", "mat", name));

/** The same image under each of some paths. */
function images(...paths: readonly string[]): Record<string, Uint8Array> {
  return Object.fromEntries(paths.map((path) => [path, JPEG]));
}

/** A folder of files, and how a dataset is loaded from it, by default offline. */
async function datadirWith(t: TestContext, files: Files) {
  const datadir = await temporaryFolder(t);
  await writeTree(datadir, files);
  const load = (dataset: string, request: DataFetch = {}) =>
    loadDataset({ dataset, datadir, seed: 0, offline: true, ...request });
  return { datadir, load };
}

/** Loads a dataset from what a mirror has, of which there is nothing yet. */
async function fetched(t: TestContext, dataset: string, files: Files) {
  const mirror = await serveData(t, { ...files, MD5SUMS: sumsOf(files) });
  const { datadir, load } = await datadirWith(t, {});
  const loaded = await load(dataset, { offline: false, dataUrl: mirror.url, trustMirror: true });
  // And again, of what is there now.
  assert.deepEqual(await load(dataset), loaded);
  return { datadir, loaded };
}

/** `path: class` of each image, below a folder. */
function shown({ images, labels }: Split, { classNames }: Dataset, root: string): string[] {
  assert.ok(images.kind === "files");
  return images.paths.map((path, i) => `${relative(root, path)}: ${classNames[labels[i]!]}`);
}

const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

const PET_LISTS = {
  "annotations/trainval.txt": "Abyssinian_100 1 1 1\nBengal_3 3 1 2\nbeagle_7 2 2 1\n",
  "annotations/test.txt": "# comment\nbeagle_1 2 2 1\nAbyssinian_2 1 1 1\r\n",
};
const PETS = images(
  ...["Abyssinian_100", "Bengal_3", "beagle_7", "beagle_1", "Abyssinian_2"].map(
    (name) => `images/${name}.jpg`,
  ),
);

test("the pets' parts and classes are those of the lists", async (t) => {
  const { datadir, load } = await datadirWith(t, { ...PETS, ...PET_LISTS });
  const dataset = await load("oxford_iiit_pet");
  assert.equal(dataset.name, "oxford_iiit_pet");
  assert.deepEqual(dataset.classNames, ["Abyssinian", "beagle", "Bengal"]);
  // The official rule's own, not the images'.
  assert.deepEqual(dataset.typicalSize, [224, 224]);
  assert.deepEqual(shown(dataset.train, dataset, datadir), [
    "images/Abyssinian_100.jpg: Abyssinian",
    "images/Bengal_3.jpg: Bengal",
    "images/beagle_7.jpg: beagle",
  ]);
  assert.deepEqual(shown(dataset.val, dataset, datadir), [
    "images/beagle_1.jpg: beagle",
    "images/Abyssinian_2.jpg: Abyssinian",
  ]);
});

test("the pets are fetched as two archives", async (t) => {
  const { datadir, loaded } = await fetched(t, "oxford_iiit_pet", {
    "images.tar.gz": await tarGzOf(PETS),
    "annotations.tar.gz": await tarGzOf({ ...PET_LISTS, "annotations/xmls/x.xml": "" }),
  });
  assert.equal(loaded.train.labels.length, 3);
  assert.deepEqual((await readdir(join(datadir, "oxford_iiit_pet"))).sort(), [
    "annotations",
    "images",
  ]);
});

test("the pets' lists are checked", async (t) => {
  const load = async (test: string) => {
    const files = { ...PETS, ...PET_LISTS, "annotations/test.txt": test };
    return (await datadirWith(t, files)).load("oxford_iiit_pet");
  };
  await rejects(load("beagle_1 2 2 1\n../../x_1 1 1 1\n"), /test\.txt, line 2: "\.\.\/\.\./);
  await rejects(load("Bengal_1 2 2 1\n"), /class 2 is beagle and Bengal/);
  await rejects(load("pug_1 5 2 1\n"), /no image of class 4/);
  await rejects(load("beagle_99 2 2 1\n"), /1 of 4 image files: cannot be read: .*beagle_99\.jpg/);
  const { load: bare } = await datadirWith(t, { ...PETS, "annotations/trainval.txt": "" });
  await rejects(bare("oxford_iiit_pet"), /test\.txt: there is no such file/);
});

const flower = (id: number) => `jpg/image_${String(id).padStart(5, "0")}.jpg`;
const FLOWER_IMAGES = images(...Array.from({ length: 306 }, (_, i) => flower(i + 1)));

test("the flowers' parts are trnid and tstid, by the numbers of their images", async (t) => {
  const { datadir, load } = await datadirWith(t, {
    ...FLOWER_IMAGES,
    "imagelabels.mat": await mat("imagelabels.mat"),
    "setid.mat": await mat("setid.mat"),
  });
  const dataset = await load("oxford_flowers102");
  assert.equal(dataset.classNames.length, 102);
  assert.deepEqual(dataset.typicalSize, [224, 224]);
  const name = (id: number) => FLOWER_NAMES[(5 * (id - 1)) % 102];
  const upTo = (first: number) => Array.from({ length: 102 }, (_, i) => first + i);
  const line = (id: number) => `${flower(id)}: ${name(id)}`;
  assert.deepEqual(shown(dataset.train, dataset, datadir), upTo(1).reverse().map(line));
  assert.deepEqual(shown(dataset.val, dataset, datadir), upTo(205).map(line));
});

test("the pets and the flowers are read as torchvision stores them", async (t) => {
  const inFolder = (folder: string, files: Files): Files =>
    Object.fromEntries(Object.entries(files).map(([path, file]) => [`${folder}/${path}`, file]));
  const { load } = await datadirWith(t, {
    ...inFolder("oxford-iiit-pet", { ...PETS, ...PET_LISTS }),
    ...inFolder("flowers-102", {
      ...FLOWER_IMAGES,
      "imagelabels.mat": await mat("imagelabels.mat"),
      "setid.mat": await mat("setid.mat"),
    }),
  });
  assert.equal((await load("oxford_iiit_pet")).train.labels.length, 3);
  assert.equal((await load("oxford_flowers102")).val.labels.length, 102);
});

test("the flowers are fetched as an archive and two MATLAB files", async (t) => {
  const { datadir, loaded } = await fetched(t, "oxford_flowers102", {
    "102flowers.tgz": await tarGzOf(FLOWER_IMAGES),
    "imagelabels.mat": await mat("imagelabels.mat"),
    "setid.mat": await mat("setid.mat"),
  });
  assert.equal(loaded.val.labels.length, 102);
  assert.deepEqual((await readdir(join(datadir, "oxford_flowers102"))).sort(), [
    "imagelabels.mat",
    "jpg",
    "setid.mat",
  ]);
});

test("the flowers' files are checked", async (t) => {
  const setid = await mat("setid.mat");
  const imagelabels = await mat("imagelabels.mat");
  const load = async (files: Files) => {
    const { load } = await datadirWith(t, { "jpg/x.jpg": "", ...files });
    return load("oxford_flowers102");
  };
  await rejects(
    load({ "imagelabels.mat": "<html>", "setid.mat": setid }),
    /imagelabels\.mat: not a MATLAB level-5 file/,
  );
  await rejects(
    load({ "imagelabels.mat": setid, "setid.mat": setid }),
    /imagelabels\.mat: no numbers named labels/,
  );
  await rejects(
    load({ "imagelabels.mat": imagelabels, "setid.mat": setid }),
    /204 of 204 image files: cannot be read: .*jpg\/image_00102\.jpg/,
  );
});

test("SVHN's images come out upright, its 10 as 0", async (t) => {
  const { loaded } = await fetched(t, "svhn", {
    "train_32x32.mat": await mat("train_32x32.mat"),
    "test_32x32.mat": await mat("test_32x32.mat"),
  });
  assert.deepEqual(loaded.classNames, "0 1 2 3 4 5 6 7 8 9".split(" "));
  assert.deepEqual(loaded.typicalSize, [32, 32]);
  for (const [split, n] of [
    [loaded.train, 12],
    [loaded.val, 4],
  ] as const) {
    assert.ok(split.images.kind === "pixels");
    assert.deepEqual([split.images.height, split.images.width], [32, 32]);
    // As scripts/make-mat-fixtures.py has them.
    const labels = Array.from({ length: n }, (_, i) => (((3 * i) % 10) + 1) % 10);
    assert.deepEqual(Array.from(split.labels), labels);
    const pixels = Uint8Array.from({ length: n * 32 * 32 * 3 }, (_, at) => {
      const [channel, column, row] = [at % 3, Math.floor(at / 3) % 32, Math.floor(at / 96) % 32];
      return Math.floor(at / 3072) + 2 * row + 3 * column + 50 * channel;
    });
    assert.ok(Buffer.from(split.images.pixels).equals(pixels));
  }
});

test("SVHN's files are checked", async (t) => {
  const { load } = await datadirWith(t, {
    "train_32x32.mat": await mat("setid.mat"),
    "test_32x32.mat": "",
  });
  await rejects(load("svhn"), /train_32x32\.mat: no numbers named X/);
});

const DTD_FILES = {
  ...images(...["b/1", "b/2", "b/3", "a/1", "a/2", "a/3"].map((name) => `dtd/images/${name}.jpg`)),
  "dtd/labels/train1.txt": "b/2.jpg\na/1.jpg\n",
  "dtd/labels/val1.txt": "b/1.jpg\n",
  "dtd/labels/test1.txt": "a/2.jpg\nb/3.jpg\n",
  "dtd/labels/train2.txt": "a/3.jpg\n",
};

test("DTD's first division is used: train1 and val1, and test1", async (t) => {
  const { datadir, load } = await datadirWith(t, DTD_FILES);
  const dataset = await load("dtd");
  assert.deepEqual(dataset.classNames, ["a", "b"]);
  assert.deepEqual(dataset.typicalSize, [32, 48]);
  const root = join(datadir, "dtd", "images");
  assert.deepEqual(shown(dataset.train, dataset, root), ["b/2.jpg: b", "a/1.jpg: a", "b/1.jpg: b"]);
  assert.deepEqual(shown(dataset.val, dataset, root), ["a/2.jpg: a", "b/3.jpg: b"]);
  const inside = { dataset: "dtd", datadir: join(datadir, "dtd"), seed: 0, offline: true };
  assert.deepEqual(await loadDataset(inside), dataset);
});

test("DTD is read as torchvision stores it", async (t) => {
  const files = Object.entries(DTD_FILES).map(([path, file]) => [`dtd/${path}`, file] as const);
  const { datadir, load } = await datadirWith(t, Object.fromEntries(files));
  const dataset = await load("dtd");
  assert.deepEqual(dataset.classNames, ["a", "b"]);
  assert.equal(dataset.train.labels.length, 3);
  for (const place of [join(datadir, "dtd"), join(datadir, "dtd", "dtd")]) {
    const loaded = await loadDataset({ dataset: "dtd", datadir: place, seed: 0, offline: true });
    assert.deepEqual(loaded, dataset);
  }
});

test("DTD is fetched, and its lists are checked", async (t) => {
  const archive = await tarGzOf(DTD_FILES);
  const { datadir, loaded } = await fetched(t, "dtd", { "dtd-r1.0.1.tar.gz": archive });
  assert.equal(loaded.train.labels.length, 3);
  assert.deepEqual(await readdir(datadir), ["dtd"]);
  const { load } = await datadirWith(t, { ...DTD_FILES, "dtd/labels/val1.txt": "../../x.jpg" });
  await rejects(load("dtd"), /val1\.txt: the line "\.\.\/\.\.\/x\.jpg"/);
});

const LANDS =
  "AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop Residential " +
  "River SeaLake";
const lands = (folder: string) =>
  images(
    ...LANDS.split(" ").flatMap((land) =>
      Array.from({ length: 5 }, (_, i) => `${folder}/${land}/${land}_${i + 1}.jpg`),
    ),
  );

test("EuroSAT is read in any of its forms, a fifth of each class held out", async (t) => {
  for (const folder of ["2750", "EuroSAT/2750", "EuroSAT", "eurosat/2750", "EuroSAT_RGB", "."]) {
    const { load } = await datadirWith(t, lands(folder));
    const { name, classNames, train, val } = await load("eurosat");
    assert.equal(name, "eurosat");
    assert.deepEqual(classNames, LANDS.split(" "));
    assert.deepEqual([train.labels.length, val.labels.length], [40, 10]);
    assert.deepEqual([...val.labels], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  const { load } = await datadirWith(t, images("2750/Forest/1.jpg", "2750/River/1.jpg"));
  await rejects(load("eurosat"), /2750: 2 class folders\n.*10 class folders of eurosat/);
});

test("EuroSAT is fetched as a zip", async (t) => {
  const { datadir, loaded } = await fetched(t, "eurosat", {
    "EuroSAT.zip": await zipOf(lands("2750")),
  });
  assert.equal(loaded.train.labels.length, 40);
  assert.deepEqual(await readdir(join(datadir, "EuroSAT")), ["2750"]);
});

test("RESISC45 is read from its folder, and how to come by it is said", async (t) => {
  const scenes = ["airplane", ...Array.from({ length: 44 }, (_, i) => `scene_${i + 10}`)];
  const files = images(
    ...scenes.flatMap((scene) => [1, 2].map((i) => `${scene}/${scene}_${i}.jpg`)),
  );
  const { datadir, load } = await datadirWith(t, files);
  const { classNames, val } = await load("resisc45");
  assert.deepEqual(classNames, scenes);
  assert.equal(val.labels.length, 45);
  const above = loadDataset({ dataset: "resisc45", datadir: join(datadir, "x"), seed: 0 });
  await rejects(above, /no resisc45 there\n.*45 classes of 700 images\n.*cannot be fetched/);
});

const WNIDS = ["n01440764", "n02102040"];
const NETTE = images(
  ...WNIDS.flatMap((wnid) => [
    `imagenette2-160/train/${wnid}/1.JPEG`,
    `imagenette2-160/train/${wnid}/2.JPEG`,
    `imagenette2-160/val/${wnid}/3.JPEG`,
  ]),
);

test("Imagenette's parts are its folders", async (t) => {
  const { datadir, load } = await datadirWith(t, NETTE);
  const dataset = await load("imagenette");
  assert.deepEqual(dataset.classNames, WNIDS);
  assert.equal(dataset.train.labels.length, 4);
  const [first, second] = WNIDS.map((wnid) => `imagenette2-160/val/${wnid}/3.JPEG: ${wnid}`);
  assert.deepEqual(shown(dataset.val, dataset, datadir), [first, second]);
});

test("Imagenette is fetched; where it is not, the archive's address is said", async (t) => {
  const archive = await tarGzOf(NETTE);
  const { datadir, loaded } = await fetched(t, "imagenette", { "imagenette2-160.tgz": archive });
  assert.deepEqual([loaded.train.labels.length, loaded.val.labels.length], [4, 2]);
  assert.deepEqual(await readdir(datadir), ["imagenette2-160"]);
  const { load } = await datadirWith(t, {});
  await rejects(
    load("imagenette"),
    /no imagenette there, .*\n.*\n.*\n.*imagenette2-160\.tgz \(99 MB/,
  );
});

test("a task of VTAB that is not read here says so by its name", async (t) => {
  const { load } = await datadirWith(t, {});
  const names =
    "caltech101 sun397 patch_camelyon smallnorb-azimuth smallnorb-elevation dsprites-location " +
    "dsprites-orientation clevr-count clevr-distance dmlab kitti-distance diabetic_retinopathy";
  for (const name of names.split(" "))
    await rejects(
      load(name),
      new RegExp(`--dataset ${name}: this task of VTAB needs .*\\n.*\\n.*--dataset folder`),
    );
});
