import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import { readLabelTable } from "../../../src/data/tables/label-table.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

/** A folder with images `images/0.png` to `images/9.png`, and tables. */
async function folderWith(t: TestContext, tables: Readonly<Record<string, string>>) {
  const root = await temporaryFolder(t);
  const png = await readFile(fixturePath("data", "images", "rgba.png"));
  for (let i = 0; i < 10; i++) await writeTree(root, { [`images/${i}.png`]: png });
  await writeTree(root, tables);
  return root;
}

async function load(path: string, badImages?: "skip"): Promise<Dataset> {
  const dataset = await loadPath(path, { seed: 0, badImages });
  assert.ok(dataset !== undefined);
  return dataset;
}

/** Each image's file name and class. */
function listing({ images, labels }: Split, { classNames }: Dataset): string[] {
  assert.ok(images.kind === "files");
  return images.paths.map((path, i) => `${path.at(-5)}=${classNames[labels[i]!]}`);
}

const rows = (labels: readonly string[], extra: readonly string[] = []) =>
  labels.map((label, i) => `images/${i}.png,${label}${extra[i] ?? ""}\n`).join("");

test("a table without a split: classes by code point, a fifth of each held out", async (t) => {
  const labels = ["b", "a", "b", "a", "Ä", "b", "a", "b", "a", "b"];
  const root = await folderWith(t, { "labels.csv": rows(labels) });
  const dataset = await load(join(root, "labels.csv"));
  assert.equal(dataset.name, "labels");
  assert.deepEqual(dataset.classNames, ["a", "b", "Ä"]);
  assert.deepEqual([dataset.train.labels.length, dataset.val.labels.length], [8, 2]);
  const all = [...listing(dataset.train, dataset), ...listing(dataset.val, dataset)];
  assert.deepEqual(
    all.sort(),
    labels.map((label, i) => `${i}=${label}`),
  );
  assert.deepEqual(await load(join(root, "labels.csv")), dataset);
});

test("a header, quotes, CRLF, a mark of UTF-8, blank lines and absolute paths are understood", async (t) => {
  const root = await folderWith(t, {});
  const png = await readFile(fixturePath("data", "images", "rgba.png"));
  await writeTree(root, { 'odd, "name"\n.png': png });
  const table =
    '\uFEFFFilename,Class,split\r\n\r\n"odd, ""name""\n.png","two\nlines",train\r\n' +
    `${root}/images/1.png, plain ,TRAIN\r\nimages/2.png,plain,Validation\r\n` +
    "images/3.png,plain,test";
  await writeTree(root, { "labels.csv": table });
  assert.deepEqual(
    (await readLabelTable(join(root, "labels.csv"))).rows.map(({ label, part, line }) => {
      return [label, part, line];
    }),
    [
      ["two\nlines", "train", 3],
      ["plain", "train", 6],
      ["plain", "val", 7],
      ["plain", "test", 8],
    ],
  );
  const dataset = await load(join(root, "labels.csv"));
  assert.deepEqual(listing(dataset.train, dataset).slice(1), ["1=plain"]);
  assert.deepEqual(listing(dataset.val, dataset), ["2=plain"]);
});

test("labels that are whole numbers are sorted by value", async (t) => {
  const root = await folderWith(t, { "l.csv": rows(["10", "9", "-1", "9", "10"]) });
  assert.deepEqual((await load(join(root, "l.csv"))).classNames, ["-1", "9", "10"]);
});

test("a folder with train.csv and a table of what is held out", async (t) => {
  for (const held of ["val", "validation", "valid", "test"]) {
    const root = await folderWith(t, {
      "train.csv": "path,label\nimages/0.png,a\nimages/1.png,b\n",
      [`${held}.csv`]: "images/2.png,b\n",
    });
    const dataset = await load(root);
    assert.deepEqual(listing(dataset.train, dataset), ["0=a", "1=b"]);
    assert.deepEqual(listing(dataset.val, dataset), ["2=b"]);
  }
  const alone = await folderWith(t, { "train.csv": rows(["a", "b", "a", "b"]) });
  assert.equal((await load(alone)).val.labels.length, 2);
});

test("beside folders of classes a train.csv is but a description", async (t) => {
  const root = await folderWith(t, { "train.csv": "id,age,name\n" });
  const png = await readFile(fixturePath("data", "images", "rgba.png"));
  for (const path of ["train/a/1", "train/b/1", "val/a/1"])
    await writeTree(root, { [`${path}.png`]: png });
  assert.deepEqual((await load(root)).classNames, ["a", "b"]);
});

test("what is wrong with a table is said with its line", async (t) => {
  const root = await folderWith(t, {});
  const refused = async (table: string | Uint8Array, message: RegExp) => {
    await writeTree(root, { "l.csv": table });
    await rejects(load(join(root, "l.csv")), message);
  };
  await refused("", /l\.csv: no row in it/);
  await refused("path,label\n", /l\.csv: no row in it/);
  await refused("images/0.png\n", /line 1: 1 column\n/);
  await refused("images/0.png,a\n\nimages/1.png\n", /line 3: 1 column\n.*path,label/);
  await refused("images/0.png,a\nimages/1.png,b,c,d\n", /line 2: 4 columns\n/);
  await refused("a,b,train\nimages/1.png,b\n", /line 2: 2 columns\n.*path,label,split/);
  await refused("images/0.png,a\nimages/1.png, \n", /line 2: no label/);
  await refused("path,label\n,a\n", /line 2: no path/);
  await refused("images/0.png,a,train\nimages/1.png,b,fold\n", /line 2: split "fold"/);
  await refused('images/0.png,a\n"images/1.png,b\n', /is no CSV: /);
  await refused(Uint8Array.of(0x61, 0xff, 0x2c, 0x62), /is not UTF-8/);
  await refused(rows(["a", "a", "a"]), /l\.csv: one class only: a\n/);
  await refused("images/0.png,a,val\nimages/1.png,b,test\n", /a part val, but none to train on/);
  await refused(
    rows(["a", "b", "c"], [",train", ",train", ",val"]),
    /l\.csv: has c, which training lacks: l\.csv:3: /,
  );
  await refused(
    `${rows(["a", "b", "a"])}images/77.png,a\n`,
    /l\.csv:4: .*77\.png \(no such file\)/,
  );
  await rejects(load(join(root, "images/0.png")), /0\.png: is a PNG image/);
});

test("what would take all memory is refused before it is taken apart", async (t) => {
  const root = await folderWith(t, {});
  const refused = async (table: string, message: RegExp) => {
    await writeTree(root, { "l.csv": table });
    await rejects(readLabelTable(join(root, "l.csv")), message);
  };
  await refused(`a,b\n${"x".repeat(100_000_000)}`, /line 2: 100000000 characters/);
  await refused(`a,b\n${",".repeat(60_000)}\n`, /line 2: more than 5000 cells/);
  await refused("a.png,b\nc\0.png,d\n", /line 2: a NUL character/);
  await refused("a,b\n".repeat(5_000_001), /5000002 lines/);
  await rejects(readLabelTable("/dev/zero"), /not a regular file/);
});

test("rows whose image cannot be used are left out where that is asked for", async (t) => {
  const root = await folderWith(t, {});
  await writeTree(root, { "l.csv": `none.png,a\n${rows(["a", "b", "a", "b"])}` });
  const dataset = await load(join(root, "l.csv"), "skip");
  assert.equal(dataset.train.labels.length + dataset.val.labels.length, 4);
  const reason = "no such file";
  assert.deepEqual(dataset.unreadable, [{ path: join(root, "none.png"), reason, kind: "corrupt" }]);
});

test("labels that hardly differ are two classes, and said", async (t) => {
  const root = await folderWith(t, { "l.csv": rows(["cat", "Cat", "cat", "Cat", "dog", "dog"]) });
  const { classNames, notes } = await load(join(root, "l.csv"));
  assert.deepEqual(classNames, ["Cat", "cat", "dog"]);
  assert.deepEqual(notes, ["classes whose names hardly differ: Cat, cat"]);
});
