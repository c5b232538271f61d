/** Which part of a dataset is evaluated, and by which classes: the same for every loader. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Dataset } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import type { EvaluationUse } from "../../../src/data/parts/evaluation.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";
import { example, tfRecords } from "../tfrecord-files.js";

const png = await readFile(fixturePath("data", "images", "rgba.png"));
const numbers = Array.from({ length: 12 }, (_, i) => String(i));
const animals = ["zebra", "cat", "dog"];

async function evaluated(path: string, use: Partial<EvaluationUse>): Promise<Dataset> {
  const { classNames = undefined, classes = classNames?.length ?? 0, trainedOn = false } = use;
  const evaluation = { ...use, classNames, classes, trainedOn };
  const dataset = await loadPath(path, { seed: 0, evaluation });
  assert.ok(dataset !== undefined);
  return dataset;
}

const rejects = (path: string, use: Partial<EvaluationUse>, message: RegExp) =>
  assert.rejects(evaluated(path, use), { name: "UserError", message });

/** Two images of each class, in each of some folders. */
async function folderOf(t: TestContext, folders: readonly string[], images = 2): Promise<string> {
  const root = await temporaryFolder(t);
  for (const folder of folders)
    for (let i = 0; i < images; i++) await writeTree(root, { [`${folder}/${i}.png`]: png });
  return root;
}

const labelsOf = ({ val, classNames }: Dataset) => [...val.labels].map((i) => classNames[i]);

test("folders, tables and shards are all labelled by the model's classes", async (t) => {
  const folder = await folderOf(t, numbers);
  const inFolders = await evaluated(folder, { classNames: numbers });
  assert.deepEqual(
    [...inFolders.val.labels],
    [0, 0, 1, 1, 10, 10, 11, 11, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9],
  );
  assert.deepEqual(inFolders.evaluated, { part: "whole", classes: 12, matching: "name" });

  const rows = animals.map((name, i) => `${join(folder, "0", `${i % 2}.png`)},${name}\n`);
  await writeTree(folder, { "t/animals.csv": rows.toReversed().join("") });
  const table = await evaluated(join(folder, "t", "animals.csv"), { classNames: animals });
  assert.deepEqual(labelsOf(table), ["dog", "cat", "zebra"]);

  const records = animals.toSorted().map((text, label) => {
    return example({
      "image/encoded": png,
      "image/class/label": [label],
      "image/class/text": text,
    });
  });
  await writeTree(folder, { "s/animals.tfrecord": tfRecords(records) });
  const shards = await evaluated(join(folder, "s"), { classNames: animals });
  assert.deepEqual([...shards.val.labels], [1, 2, 0]);
});

test("a subset of the classes is evaluated as such, a class that the model does not know is refused", async (t) => {
  const some = await folderOf(t, ["dog", "zebra"]);
  const dataset = await evaluated(some, { classNames: animals });
  assert.deepEqual(labelsOf(dataset), ["dog", "dog", "zebra", "zebra"]);
  assert.deepEqual(dataset.classNames, animals);
  assert.equal(dataset.evaluated?.classes, 2);
  const one = await evaluated(await folderOf(t, ["cat"]), { classNames: animals });
  assert.deepEqual(labelsOf(one), ["cat", "cat"]);
  const more = await folderOf(t, ["dog", "fox", "Fox"]);
  await rejects(
    more,
    { classNames: animals },
    /has Fox, fox, which are no classes of the model\n.*3 classes, such as zebra, cat\n.*--match_classes order/,
  );
  const high = await folderOf(t, ["photos/dog", "photos/cat"]);
  await rejects(high, { classNames: animals }, /has photos, .*\n.*\n.*type --dataset '.*\/photos'/);
  const inOrder = await evaluated(more, { classNames: animals, match: "order" });
  assert.deepEqual([...inOrder.val.labels], [0, 0, 1, 1, 2, 2]);
  assert.equal(inOrder.evaluated?.matching, "order");
});

test("an empty class folder is nothing to evaluate", async (t) => {
  const folder = await folderOf(t, ["dog", "cat"]);
  await writeTree(folder, { "unknown/notes.txt": "", "zebra/notes.txt": "" });
  assert.deepEqual(labelsOf(await evaluated(folder, { classNames: animals })), [
    "cat",
    "cat",
    "dog",
    "dog",
  ]);
});

test("where nobody says what the outputs mean, their order counts, and it is said", async (t) => {
  const folder = await folderOf(t, animals);
  const dataset = await evaluated(folder, { classes: 3 });
  assert.deepEqual([...dataset.val.labels], [0, 0, 1, 1, 2, 2]);
  assert.match(dataset.notes!.join(), /nobody says what the model's outputs mean/);
  await rejects(folder, { classes: 5 }, /3 classes\n.*expected: 5, as the model has outputs/);
});

test("a dataset without parts is evaluated whole, unless the model was trained on it", async (t) => {
  const folder = await folderOf(t, animals, 10);
  const whole = await evaluated(folder, { classNames: animals });
  assert.equal(whole.val.labels.length, 30);
  const own = await evaluated(folder, { classNames: animals, trainedOn: true });
  assert.deepEqual([own.val.labels.length, own.evaluated?.part], [6, "val"]);
  const trained = await loadPath(folder, { seed: 0 });
  assert.deepEqual(own.val.images, trained?.val.images);
  const rest = await evaluated(folder, { classNames: animals, trainedOn: true, part: "train" });
  assert.deepEqual(rest.val.images, trained?.train.images);
  await rejects(
    folder,
    { classNames: animals, part: "test" },
    /--split test: .* is not divided into parts\n.*\n.*leave out --split/,
  );
});

test("of parts the held-out one is evaluated, or the one that is asked for", async (t) => {
  const parts = ["Train", "valid", "Testing"];
  const root = await folderOf(
    t,
    parts.flatMap((part) => animals.map((name) => `${part}/${name}`)),
  );
  await writeTree(root, { "Testing/cat/2.png": png });
  const count = async (part?: "train" | "val" | "test") => {
    const { val, evaluated: of, notes } = await evaluated(root, { classNames: animals, part });
    return [of?.part, val.labels.length, notes?.join()];
  };
  assert.deepEqual(await count(), ["val", 6, "the part test is not used: --split chooses it"]);
  assert.deepEqual(await count("test"), ["test", 7, ""]);
  assert.deepEqual(await count("train"), ["train", 6, ""]);
  for (const part of ["val", "Test", "evaluation"]) {
    const alone = await folderOf(
      t,
      animals.map((name) => `${part}/${name}`),
    );
    assert.equal((await evaluated(alone, { classNames: animals })).val.labels.length, 6);
    await rejects(
      alone,
      { classNames: animals, part: "train" },
      /has no such part\n.*expected: (val|test)\n/,
    );
    await assert.rejects(
      loadPath(alone, { seed: 0 }),
      /a part (val|test), but none to train on\n.*\n.*bit-eval/,
    );
  }
});

test("tables: a test.csv, and one whose rows are all of the test set", async (t) => {
  const root = await folderOf(t, ["images"], 4);
  const rows = (more = "") => animals.map((name, i) => `images/${i}.png,${name}${more}\n`).join("");
  await writeTree(root, { "test.csv": rows(), "all.csv": rows(",test") });
  for (const path of ["test.csv", "all.csv", "."]) {
    const { val } = await evaluated(join(root, path), { classNames: animals });
    assert.deepEqual([...val.labels], [0, 1, 2], path);
  }
});
