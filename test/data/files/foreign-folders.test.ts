/** Folders of other tasks and in other tools' order, whose names would pass for classes. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const PNG = await readFile(fixturePath("data", "images", "rgba.png"));
const BOXES = "0 0.5 0.5 0.25 0.25\n1 .5 0.5 0.25 2.5e-1\n";

/** A folder with each of some images in several copies: `images/{}.jpg` is 0.jpg to 3.jpg. */
async function folderOf(
  t: TestContext,
  images: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const root = await temporaryFolder(t);
  const several = (path: string) => [0, 1, 2, 3].map((i) => path.replace("{}", String(i)));
  await writeTree(
    root,
    Object.fromEntries(images.split(" ").flatMap((path) => several(path).map((one) => [one, PNG]))),
  );
  const texts = Object.entries(files);
  await writeTree(
    root,
    Object.fromEntries(texts.flatMap(([path, text]) => several(path).map((one) => [one, text]))),
  );
  return root;
}

const classesOf = async (root: string) => (await loadPath(root, { seed: 0 }))?.classNames;

const rejects = (root: string, message: RegExp) =>
  assert.rejects(classesOf(root), { name: "UserError", message });

test("images and their masks are no two classes", async (t) => {
  const layouts = [
    "images/{}.jpg masks/{}.png",
    "images/{}.jpg masks/{}.jpg",
    "images/{}.jpg masks/{}_mask.png",
    "imgs/{}.jpg labels/{}.png",
    "images/{}.jpg GT/{}.bmp depth/notes{}.txt",
    "train/images/{}.jpg train/masks/{}.png val/images/{}.jpg val/masks/{}.png",
    "images/train/{}.jpg images/val/{}.jpg annotations/train/{}.png annotations/val/{}.png",
    "img_dir/train/{}.jpg ann_dir/train/{}.png",
    "train/{}.jpg train_masks/{}_mask.gif",
    "leftImg8bit/train/aachen/{}_leftImg8bit.png gtFine/train/aachen/{}_gtFine_labelIds.png",
    "images/{}.png masks/{}.png segmentation/{}.png",
  ];
  for (const layout of layouts)
    await rejects(
      await folderOf(t, layout),
      /images and masks of the same names, as for segmentation: .* \(\d+ images?\).*path,label; if .* is a class/s,
    );
});

test("classes that are called images, masks or labels stay classes", async (t) => {
  const layouts: readonly (readonly [layout: string, classes: readonly string[]])[] = [
    ["images/{}.jpg masks/{}.png gloves/{}.jpg", ["gloves", "images", "masks"]],
    ["images/a{}.jpg masks/b{}.jpg", ["images", "masks"]],
    ["images/{}.jpg labels/{}.jpg", ["images", "labels"]],
    ["masks/{}.jpg no_masks/{}.jpg", ["masks", "no_masks"]],
    ["with_mask/{}.jpg without_mask/{}.jpg", ["with_mask", "without_mask"]],
    ["face/{}.jpg face_mask/{}.jpg", ["face", "face_mask"]],
    ["train/{}.jpg bus/{}.jpg car/{}.jpg", ["bus", "car", "train"]],
    ["00000/{}.jpg 00001/{}.jpg", ["00000", "00001"]],
  ];
  for (const [layout, classes] of layouts)
    assert.deepEqual(await classesOf(await folderOf(t, layout)), classes, layout);
  const captioned = await folderOf(t, "cat/{}.jpg dog/{}.jpg", {
    "cat/{}.txt": BOXES,
    "dog/{}.txt": "a dog",
  });
  assert.deepEqual(await classesOf(captioned), ["cat", "dog"]);
});

test("boxes as YOLO writes them are named, wherever they lie", async (t) => {
  const layouts: readonly (readonly [images: string, texts: string, shown: RegExp])[] = [
    ["images/{}.jpg", "labels/{}.txt", /labels\/0\.txt/],
    ["images/train/{}.jpg images/val/{}.jpg", "labels/train/{}.txt", /labels\/train\/0\.txt/],
    ["train/images/{}.jpg valid/images/{}.jpg", "train/labels/{}.txt", /labels\/0\.txt/],
    ["train/{}.jpg val/{}.jpg", "train/{}.txt", /train\/0\.txt/],
    ["obj_train_data/{}.jpg", "obj_train_data/{}.txt", /obj_train_data\/0\.txt/],
    ["{}.jpg", "{}.txt", /0\.txt/],
  ];
  for (const [images, texts, shown] of layouts) {
    const root = await folderOf(t, images, {
      [texts]: BOXES,
      "data.yaml": "nc: 2",
      "classes.txt": "a\nb",
    });
    await rejects(root, new RegExp(`boxes of objects, as YOLO writes them: .*${shown.source}`));
  }
  const polygons = `0 ${"0.123456 ".repeat(200)}\n`;
  await rejects(
    await folderOf(t, "images/{}.jpg", { "labels/{}.txt": polygons }),
    /as YOLO writes/,
  );
  const sparse = await folderOf(t, "images/{}.jpg", { "labels/{}.txt": "" });
  await writeTree(sparse, { "labels/3.txt": BOXES });
  await rejects(sparse, /as YOLO writes them: labels\/3\.txt/);
});

test("Pascal VOC's folders are no classes, with segmentations or without", async (t) => {
  const xml = { "Annotations/{}.xml": "<annotation/>", "ImageSets/Main/train.txt": "0\n1\n" };
  await rejects(await folderOf(t, "JPEGImages/{}.jpg", xml), /Pascal VOC's form/);
  const whole = "JPEGImages/{}.jpg SegmentationClass/{}.png SegmentationObject/{}.png";
  await rejects(await folderOf(t, whole, xml), /Pascal VOC's form/);
  await rejects(await folderOf(t, whole), /Pascal VOC's form/);
});

test("Market-1501's parts are no classes, with a folder of queries beside them", async (t) => {
  await rejects(
    await folderOf(
      t,
      "bounding_box_train/000{}_c1s1.jpg bounding_box_test/000{}_c1s1.jpg query/000{}_c1s1.jpg",
    ),
    /folders named as parts, bounding_box_test, bounding_box_train, in which there are no class/,
  );
});

test("Datumaro's, CVAT's and FiftyOne's folder of images without a label is no class", async (t) => {
  const message =
    /(no_label|_unlabeled): a folder called as Datumaro, CVAT or FiftyOne.*move it away; if it is a class/s;
  await rejects(await folderOf(t, "cat/{}.jpg dog/{}.jpg no_label/{}.jpg"), message);
  const many = Array.from({ length: 25 }, (_, i) => `class${i}/{}.jpg`).join(" ");
  await rejects(await folderOf(t, `${many} no_label/{}.jpg`), message);
  await rejects(await folderOf(t, "cat/{}.jpg dog/{}.jpg _unlabeled/{}.jpg"), message);
  await rejects(
    await folderOf(t, "train/cat/{}.jpg train/dog/{}.jpg train/no_label/{}.jpg"),
    message,
  );
  for (const name of ["No_Label", "NO_LABEL", "no-label", "NoLabel"])
    await rejects(
      await folderOf(t, `cat/{}.jpg dog/{}.jpg ${name}/{}.jpg`),
      new RegExp(`${name}: a folder called as Datumaro.*move it away; if it is a class`, "s"),
    );
  const spaced = await folderOf(t, "cat/{}.jpg dog/{}.jpg");
  await writeTree(spaced, { "No Label/0.jpg": PNG });
  await rejects(spaced, /No Label: a folder called as Datumaro/);
});

test("folders whose names only hold such words are classes", async (t) => {
  for (const classes of [
    ["no_labels", "some"],
    ["No_Label_Maker", "cat"],
    // Bottles, say.
    ["No_Label", "With_Label"],
    ["label", "no_label", "torn_label"],
  ]) {
    const layout = classes.map((name) => `${name}/{}.jpg`).join(" ");
    assert.deepEqual(await classesOf(await folderOf(t, layout)), classes, layout);
  }
});

test("img2dataset's folders of shards are no classes", async (t) => {
  const images = "00000/0000{}.jpg 00001/0001{}.jpg";
  const beside = {
    "00000/0000{}.json": '{"label": "cat"}',
    "00000_stats.json": "{}",
    "00000.parquet": "",
  };
  await rejects(
    await folderOf(t, images, beside),
    /shards of img2dataset's, .* no classes: 00000, 00001.*--save_additional_columns/s,
  );
  await rejects(
    await folderOf(t, "train/00000/0000{}.jpg train/00001/0001{}.jpg val/00000/0000{}.jpg", {
      "train/00000.parquet": "",
      "val/00000_stats.json": "{}",
    }),
    /train: shards of img2dataset's, .* no classes: 00000, 00001/s,
  );
});

test("masks in class folders are none of their images", async (t) => {
  const message = /masks among the images of the classes.*move the masks out/s;
  for (const layout of [
    "benign/b({}).png benign/b({})_mask.png benign/b({})_mask_1.png normal/n({}).png",
    "COVID/images/C-{}.png COVID/masks/C-{}.png Normal/images/N-{}.png Normal/masks/N-{}.png",
    "train/a/{}.jpg train/a/{}_segmentation.png train/b/{}.jpg val/a/{}.jpg val/b/{}.jpg",
    "a/images/{}.jpg a/labels/{}.png b/images/{}.jpg b/labels/{}.png",
  ])
    await rejects(await folderOf(t, layout), message);
  for (const layout of [
    "a/{}.jpg a/{}_mask.jpg b/{}.jpg b/{}_mask.jpg",
    "a/images/{}.jpg a/masks/m{}.png b/images/{}.jpg b/masks/m{}.png",
    "a/{}_mask.png b/{}_mask.png",
    "a/images/{}.jpg b/images/{}.jpg",
  ])
    assert.deepEqual(await classesOf(await folderOf(t, layout)), ["a", "b"], layout);
});

test("datasets side by side, each with its annotations, are no classes", async (t) => {
  const images = "ds0/img/{}.jpg ds1/img/{}.jpg";
  const files = { "ds0/ann/{}.jpg.json": "{}", "ds1/ann/{}.jpg.json": "{}" };
  await rejects(
    await folderOf(t, images, files),
    /datasets with annotations of their own.*ds0, ds1/,
  );
  const one = { "ds0/ann/{}.jpg.json": "{}" };
  assert.deepEqual(await classesOf(await folderOf(t, images, one)), ["ds0", "ds1"]);
  const boxes = { "a/a_boxes.txt": "0 0 1 1", "b/b_boxes.txt": "0 0 1 1" };
  const tiny = await folderOf(t, "train/a/images/{}.jpg train/b/images/{}.jpg", boxes);
  assert.deepEqual(await classesOf(join(tiny, "train")), ["a", "b"]);
});
