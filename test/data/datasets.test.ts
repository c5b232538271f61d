import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { test } from "node:test";
import type { FileSource } from "../../src/data/dataset.js";
import { loadDataset } from "../../src/data/datasets.js";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { fixturePath, repositoryRoot } from "../fixture-path.js";
import { temporaryFolder, writeTree } from "./temporary-folder.js";

const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

test("CIFAR is loaded by name, also cut down to a few examples of each class", async () => {
  const datadir = fixturePath("data", "cifar", "cifar-10-batches-bin");
  const whole = await loadDataset({ dataset: "cifar10", datadir, seed: 0 });
  assert.equal(whole.train.labels.length, 10);
  // The fixture holds each of the ten classes once.
  const few = await loadDataset({ dataset: "cifar10", datadir, seed: 0, examplesPerClass: 1 });
  assert.deepEqual([...few.train.labels].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(few.val.labels.length, 2);
  await rejects(
    loadDataset({ dataset: "cifar10", datadir, seed: 0, examplesPerClass: 2 }),
    /--examples_per_class 2: too few training examples of airplane \(1\), .*, truck \(1\)\n/,
  );
});

test("image folders are loaded by name or by path", async (t) => {
  const root = await temporaryFolder(t);
  const jpeg = await readFile(fixturePath("data", "images", "exif-6.jpg"));
  for (const part of ["train", "val"])
    await writeTree(root, { [`${part}/a/1.jpg`]: jpeg, [`${part}/b/1.jpg`]: jpeg });
  const byName = await loadDataset({ dataset: "folder", datadir: root, seed: 0 });
  const byPath = await loadDataset({ dataset: root, seed: 0 });
  assert.deepEqual(byPath, byName);
  assert.equal(byName.name, basename(root));
  assert.deepEqual(byName.typicalSize, [32, 48]);
  const imagenet = await loadDataset({ dataset: "imagenet2012", datadir: root, seed: 0 });
  assert.equal(imagenet.name, "imagenet2012");
  assert.deepEqual(imagenet.typicalSize, [224, 224]);
  assert.ok(imagenet.train.images.kind === "files");
  assert.deepEqual([...imagenet.train.images.orientations], [1, 1]);
});

test("a path that leads nowhere is told whole, with what lies beside it", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    "data/photos/a/1.jpg": "",
    "data/pets/b/1.jpg": "",
    "data/labels.csv": "",
    "data/notes.txt": "",
  });
  const load = (dataset: string, datadir = ".") => loadDataset({ dataset, datadir, seed: 0 });
  const endsWith = async (loading: Promise<unknown>, nothingAt: string, next: string) =>
    await assert.rejects(loading, ({ message }: Error) => {
      assert.ok(message.split("\n")[0]!.endsWith(`: there is nothing at ${nothingAt}`), message);
      assert.ok(message.endsWith(`\n  next: ${next}`), message);
      return true;
    });
  const data = join(root, "data");
  const photo = join(data, "photo");
  await endsWith(load(photo), photo, `correct it: perhaps ${data}/photos`);
  const below = relative(process.cwd(), photo);
  await endsWith(load(below), photo, `correct it: perhaps ${below}s`);
  await endsWith(
    load(`${data}/lables.csv`),
    `${data}/lables.csv`,
    `correct it: perhaps ${data}/labels.csv`,
  );
  await endsWith(
    load(`${root}/dta/photos`),
    `${root}/dta/photos`,
    `correct it: perhaps ${data}/photos`,
  );
  // Nothing is advised that is not there either.
  const there = "correct it; in";
  await endsWith(load(`${root}/dta/cats`), `${root}/dta/cats`, `${there} ${root} there is data`);
  await endsWith(
    load(`${data}/x`),
    `${data}/x`,
    `${there} ${data} there is pets, photos, labels.csv`,
  );
  await endsWith(
    load(`${data}/pets/b/x`),
    `${data}/pets/b/x`,
    `${there} ${data}/pets/b there is no folder and no table`,
  );
  await endsWith(
    load("pets", data),
    resolve("pets"),
    `a path is not looked for in --datadir: type --dataset ${data}/pets`,
  );
  await endsWith(load("cifar11"), resolve("cifar11"), "correct it: perhaps cifar10 or cifar100");
  await rejects(
    load("folder", photo),
    /no such folder\n[\s\S]*next: --datadir: correct it: perhaps .*photos$/,
  );
});

test("unknown names and missing data say what there is and what to do", async (t) => {
  const root = await temporaryFolder(t);
  await rejects(
    loadDataset({ dataset: "cifar11", datadir: root, seed: 0 }),
    /cifar11: neither.*\n.*cifar10, cifar100, imagenet2012, .*resisc45, .*folder, sample/,
  );
  const offline = { seed: 0, offline: true };
  await rejects(loadDataset({ dataset: "cifar10", ...offline }), /no cifar10 there/);
  await rejects(
    loadDataset({ dataset: "cifar100", datadir: root, ...offline }),
    /no cifar100 there/,
  );
  await rejects(
    loadDataset({ dataset: "folder", datadir: join(root, "nowhere"), seed: 0 }),
    /nowhere: no such folder/,
  );
  await writeTree(root, { "train/a/1.jpg": "" });
  await rejects(
    loadDataset({ dataset: "imagenet2012", datadir: root, seed: 0 }),
    /no imagenet2012 there: .*val not found\n.*\n.*image-net\.org/,
  );
});

test("the sample lies in the package, wherever this code was compiled to", () => {
  assert.equal(sampleFolder(), join(repositoryRoot, "sample", "images"));
});

test("only images that seem cut off are decoded before a run, of those that it uses", async (t) => {
  const root = await temporaryFolder(t);
  const jpeg = await readFile(fixturePath("data", "images", "colour.jpg"));
  for (const name of ["a", "b"])
    for (let i = 0; i < 4; i++) {
      const cut = i === 0 ? jpeg.subarray(0, -10) : jpeg;
      await writeTree(root, { [`train/${name}/${i}.jpg`]: cut, [`val/${name}/${i}.jpg`]: jpeg });
    }
  const asked: string[] = [];
  const request = {
    dataset: root,
    seed: 0,
    findUndecodable: async ({ paths }: FileSource) => {
      asked.push(...paths.map((path) => path.slice(root.length + 1)));
      return [];
    },
  };
  await loadDataset(request);
  assert.deepEqual(asked.splice(0), ["train/a/0.jpg", "train/b/0.jpg"]);
  const evaluation = { classNames: undefined, classes: 2, trainedOn: false };
  await loadDataset({ ...request, evaluation });
  assert.deepEqual(asked.splice(0), []);
  const held = { badImages: "skip", evaluation } as const;
  await loadDataset({ ...request, ...held });
  assert.ok(asked.length === 8 && asked.splice(0).every((path) => path.startsWith("val/")));
  const { train } = await loadDataset({ ...request, examplesPerClass: 1 });
  assert.ok(train.images.kind === "files");
  const used = train.images.paths.map((path) => path.slice(root.length + 1));
  assert.deepEqual(
    asked.splice(0),
    used.filter((path) => path.endsWith("/0.jpg")),
  );
  await rejects(
    loadDataset({
      ...request,
      findUndecodable: async ({ paths }) =>
        paths.map((path, index) => ({ index, path, reason: "ends", kind: "corrupt" as const })),
    }),
    /2 of 16 images: cannot be decoded: .*a\/0\.jpg \(ends\), .*b\/0\.jpg .*\n.*\n.*--bad_images skip/,
  );
});
