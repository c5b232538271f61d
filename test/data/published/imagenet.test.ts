import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Split } from "../../../src/data/dataset.js";
import { loadImageNet } from "../../../src/data/published/imagenet.js";
import { fixturePath } from "../../fixture-path.js";
import { tarGzOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const KIT = "ILSVRC2012_devkit_t12/data";
// Ids 1, 2 and 3 are n03000000, n01000000 and n02000000; 4 is an inner node.
const META = await readFile(fixturePath("data", "mat", "meta.mat"));
const truth = (ids: string) => ({
  [`${KIT}/ILSVRC2012_validation_ground_truth.txt`]: ids.replaceAll(" ", "\n"),
});
const TRUTH = truth("1 2 3 2 ");
const DEVKIT = { ...TRUTH, [`${KIT}/meta.mat`]: META };

const TRAIN = {
  "train/n01000000/n01000000_10.JPEG": "",
  "train/n02000000/n02000000_2.JPEG": "",
  "train/n02000000/n02000000_11.JPEG": "",
  "train/n03000000/n03000000_1.JPEG": "",
};
const FLAT = Object.fromEntries(
  [1, 2, 3, 4].map((i) => [`val/ILSVRC2012_val_0000000${i}.JPEG`, ""]),
);

async function folderWith(t: TestContext, ...files: Record<string, string | Uint8Array>[]) {
  const root = await temporaryFolder(t);
  for (const tree of files) await writeTree(root, tree);
  return root;
}

function pathsOf({ images }: Split): readonly string[] {
  assert.ok(images.kind === "files");
  return images.paths;
}

test("images in class folders are taken unread, labelled in the order of the folders", async (t) => {
  const val = {
    "val/n01000000/a.JPEG": "",
    "val/n02000000/b.JPEG": "",
    "val/n03000000/c.JPEG": "",
  };
  const root = await folderWith(t, TRAIN, val, { "train/n01000000/readme.txt": "" });
  const dataset = await loadImageNet(root);
  assert.deepEqual(dataset.classNames, ["n01000000", "n02000000", "n03000000"]);
  assert.deepEqual([...dataset.train.labels], [0, 1, 1, 2]);
  assert.equal(pathsOf(dataset.train)[1], join(root, "train/n02000000/n02000000_11.JPEG"));
  assert.deepEqual([...dataset.val.labels], [0, 1, 2]);
  assert.deepEqual(dataset.typicalSize, [224, 224]);
  assert.equal(dataset.skipped, 1);
});

test("a flat val is labelled by the development kit, unpacked or not", async (t) => {
  const archive = await tarGzOf({ ...DEVKIT, "ILSVRC2012_devkit_t12/readme.txt": "" });
  for (const kit of [DEVKIT, { "ILSVRC2012_devkit_t12.tar.gz": archive }]) {
    const root = await folderWith(t, TRAIN, FLAT, kit);
    const { val } = await loadImageNet(root);
    assert.deepEqual([...val.labels], [2, 0, 1, 0]);
    assert.equal(pathsOf(val)[3], join(root, "val", "ILSVRC2012_val_00000004.JPEG"));
  }
});

test("a flat val is labelled by a list of synsets", async (t) => {
  const list = "n02000000\nn03000000\nn03000000\r\nn01000000\n";
  const root = await folderWith(t, TRAIN, FLAT, {
    "imagenet_2012_validation_synset_labels.txt": list,
  });
  assert.deepEqual([...(await loadImageNet(root)).val.labels], [1, 2, 2, 0]);
});

test("for an evaluation no train is needed: labels go by the model's classes", async (t) => {
  const names = ["n00000000 other", "n02000000 two", "n03000000", "n01000000 one, uno"];
  const use = (classNames: readonly string[] | undefined, classes: number) => {
    return { seed: 0, evaluation: { classNames, classes, trainedOn: false } };
  };
  const only = use(names, 4);
  const folders = { "val/n01000000/a.JPEG": "", "val/n03000000/c.JPEG": "" };
  const inFolders = await loadImageNet(await folderWith(t, folders), only);
  assert.deepEqual(inFolders.classNames, names);
  assert.deepEqual([...inFolders.val.labels], [3, 2]);
  assert.equal(inFolders.train.labels.length, 0);
  const flat = await loadImageNet(await folderWith(t, FLAT, DEVKIT), only);
  assert.deepEqual([...flat.val.labels], [2, 3, 1, 3]);
  await assert.rejects(loadImageNet(await folderWith(t, FLAT, DEVKIT, truth("1 2 3 4")), only), {
    name: "UserError",
    message: /val: has n00000001, which is no class of the model/,
  });
  // Of a model that nobody knows: the classes of ILSVRC-2012.
  const tench = await folderWith(t, { "val/n01440764/a.JPEG": "", "val/n15075141/b.JPEG": "" });
  const known = await loadImageNet(tench, use(undefined, 1000));
  assert.deepEqual([known.classNames.length, ...known.val.labels], [1000, 0, 999]);
  await assert.rejects(loadImageNet(tench), { message: /train not found/ });
});

test("what would be refused is reported where that is asked for", async (t) => {
  const val = { "val/n01000000/a.JPEG": "", "val/n03000000/c.JPEG": "" };
  const root = await folderWith(t, TRAIN, val, { "train/n04000000/readme.txt": "" });
  const report = { seed: 0, badImages: "report" } as const;
  const { classNames, faults, notes, ...parts } = await loadImageNet(root, report);
  assert.deepEqual(classNames, ["n01000000", "n02000000", "n03000000", "n04000000"]);
  assert.deepEqual([...parts.val.labels], [0, 2]);
  assert.deepEqual(
    faults?.map((fault) => fault.slice(root.length)),
    ["/train: no images in the class folder n04000000"],
  );
  assert.deepEqual(notes, ["val has no image of n02000000, n04000000"]);
});

const FAULTS: readonly (readonly [string, Record<string, string | Uint8Array>[], RegExp])[] = [
  ["no labels", [], /nothing says what they show\n.*devkit_t12.*\n.*image-net\.org/],
  [
    "an image too many",
    [DEVKIT, { "val/ILSVRC2012_val_00000005.JPEG": "" }],
    /val: 5 images\n.*4, as many as .*ground_truth\.txt has labels/,
  ],
  [
    "a gap in the numbers",
    [DEVKIT, truth("1 2 3 1 2"), { "val/ILSVRC2012_val_00000006.JPEG": "" }],
    /val_00000006\.JPEG: not the number that is due there/,
  ],
  ["an unknown id", [DEVKIT, truth("1 2 3 1001")], /ground_truth\.txt, line 4: "1001"/],
  [
    "a class that train lacks",
    [DEVKIT, truth("1 2 3 4")],
    /val: has n00000001, which training lacks: /,
  ],
  ["no meta.mat", [TRUTH], /meta\.mat: there is no such file/],
  ["a damaged meta.mat", [TRUTH, { [`${KIT}/meta.mat`]: "x" }], /meta\.mat: not a MATLAB/],
];

for (const [what, files, message] of FAULTS)
  test(`a flat val with ${what} is refused`, async (t) => {
    const root = await folderWith(t, TRAIN, FLAT, ...files);
    await assert.rejects(loadImageNet(root), { name: "UserError", message });
  });

test("a kit's archive that lacks a file is refused", async (t) => {
  const archive = await tarGzOf(TRUTH);
  const root = await folderWith(t, TRAIN, FLAT, { "ILSVRC2012_devkit_t12.tar.gz": archive });
  await assert.rejects(loadImageNet(root), { message: /no .*data\/meta\.mat in it/ });
});
