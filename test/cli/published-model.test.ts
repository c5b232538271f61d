/** Published models by name: fetched where they are missing, with classes that have names. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serveData } from "../data/data-server.js";
import { sumsOf, tarGzOf } from "../data/made-archives.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath, repositoryRoot } from "../fixture-path.js";
import { writeZeroArchive } from "../zoo/zoo-archive.js";
import {
  bitEval as evaluate,
  bitPredict as predict,
  predictionsIn,
  runHere,
  bitTrain as train,
} from "./command.js";
import { bmp, pattern } from "./tiny-images.js";

let root: string;
let archives: Record<string, Buffer>;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  archives = {};
  for (const [name, classes] of [
    ["BiT-M-R50x1-CIFAR10", 10],
    ["vtab/BiT-M-R50x1-run0-eurosat", 10],
    ["BiT-M-R50x1-ILSVRC2012", 1000],
  ] as const) {
    const path = join(root, "served.npz");
    await writeZeroArchive(path, name, classes);
    archives[`${name}.npz`] = await readFile(path);
  }
  await writeFile(join(root, "photo.bmp"), bmp(pattern(0, 0, 40, 36), 40, 36));
});

after(() => rm(root, { recursive: true, force: true }));

test("bit-eval fetches a model by its name", async (t) => {
  const server = await serveData(t, archives);
  const folder = join(root, "models");
  const data = ["--dataset", "cifar10", "--datadir", fixturePath("data", "cifar"), "--crop", "32"];
  const places = ["--bit_pretrained_dir", folder, "--base_url", server.url];
  const args = ["BiT-M-R50x1-CIFAR10", ...data, ...places, "--json"];
  const refused = await runHere(evaluate, [...args, "--offline"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /BiT-M-R50x1-CIFAR10/);
  assert.deepEqual(server.requests, []);

  const { code, stdout, stderr } = await runHere(evaluate, args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /BiT-M-R50x1-CIFAR10 is not in .*: downloading it/);
  assert.doesNotMatch(stderr, /other names/, "the fixture's classes are CIFAR-10's");
  // Features and head are zero: the loss is the logarithm of the number of classes.
  assert.ok(Math.abs(JSON.parse(stdout).val_loss - Math.log(10)) < 1e-5, stdout);
  assert.deepEqual(await readdir(folder), ["BiT-M-R50x1-CIFAR10.npz", "SHA256SUMS"]);
});

test("bit-predict names the classes of a VTAB model", async (t) => {
  const server = await serveData(t, archives);
  const places = ["--bit_pretrained_dir", join(root, "vtab-models"), "--base_url", server.url];
  const wanted = ["--weights", "vtab/BiT-M-R50x1-run0-eurosat", "--size", "32", "--top", "10"];
  const args = [join(root, "photo.bmp"), ...wanted, ...places, "--json"];
  const { code, stdout, stderr } = await runHere(predict, args);
  assert.equal(code, 0, stderr);
  const top = predictionsIn(stdout).predictions[0]!.top;
  const names = top.map((one: { name: string }) => one.name);
  assert.equal(names[0], "AnnualCrop", "of equal probabilities the lower class comes first");
  assert.equal(names[9], "SeaLake");
});

test("an ILSVRC-2012 model is evaluated on each layout of ImageNet, and names its classes", async (t) => {
  const models = join(root, "ilsvrc-models");
  await writeTree(models, {
    "BiT-M-R50x1-ILSVRC2012.npz": archives["BiT-M-R50x1-ILSVRC2012.npz"]!,
  });
  const jpeg = await readFile(fixturePath("data", "images", "colour.jpg"));
  const table = await readFile(join(repositoryRoot, "assets", "imagenet-1k.tsv"), "utf8");
  const wnids = table
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0]!);
  const train = Object.fromEntries(wnids.map((wnid) => [`train/${wnid}/1.JPEG`, ""]));
  const val = Object.fromEntries(wnids.map((wnid) => [`val/${wnid}/1.JPEG`, jpeg]));
  const layouts: Record<string, Record<string, string | Uint8Array>> = {
    "class folders, without train": { "val/n01440764/1.JPEG": jpeg, "val/n15075141/2.JPEG": jpeg },
    "flat, without train": {
      "val/ILSVRC2012_val_00000001.JPEG": jpeg,
      "val/ILSVRC2012_val_00000002.JPEG": jpeg,
      "imagenet_2012_validation_synset_labels.txt": "n01440764\nn15075141\n",
    },
    "class folders": { ...train, ...val },
  };
  for (const [layout, files] of Object.entries(layouts)) {
    const datadir = await temporaryFolder(t);
    await writeTree(datadir, files);
    const data = ["--dataset", "imagenet2012", "--datadir", datadir, "--crop", "32"];
    const at = ["--bit_pretrained_dir", models, "--offline", "--json"];
    const { code, stdout, stderr } = await runHere(evaluate, [
      ...["BiT-M-R50x1-ILSVRC2012", ...data, ...at],
    ]);
    assert.equal(code, 0, `${layout}: ${stderr}`);
    assert.doesNotMatch(stderr, /other names/, layout);
    const { count, classes, val_loss } = JSON.parse(stdout);
    assert.deepEqual([count, classes], [layout === "class folders" ? 1000 : 2, 1000], layout);
    assert.ok(Math.abs(val_loss - Math.log(1000)) < 1e-4, stdout);
  }

  const wanted = ["--weights", "BiT-M-R50x1-ILSVRC2012", "--size", "32", "--top", "1"];
  const places = ["--bit_pretrained_dir", models, "--offline", "--json"];
  const predicted = await runHere(predict, [join(root, "photo.bmp"), ...wanted, ...places]);
  assert.equal(predicted.code, 0, predicted.stderr);
  assert.equal(predictionsIn(predicted.stdout).predictions[0]!.top[0]!.name, "n01440764 tench");
});

test("bit-train fetches model and dataset, and nothing a second time", async (t) => {
  const folder = "cifar-10-batches-py";
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(fixturePath("data", "cifar", folder)))
    files[`${folder}/${name}`] = await readFile(fixturePath("data", "cifar", folder, name));
  const data = { "cifar-10-python.tar.gz": await tarGzOf(files) };
  const server = await serveData(t, { ...archives, ...data, MD5SUMS: sumsOf(data) });
  const scratch = await temporaryFolder(t);
  const places = ["--datadir", scratch, "--bit_pretrained_dir", scratch, "--logdir", scratch];
  const mirrors = ["--base_url", server.url, "--data_url", server.url, "--trust_mirror"];
  const short = "--batch 2 --steps 1 --resolution 32 --crop 32 --no-save".split(" ");
  const what = ["--model", "BiT-M-R50x1-CIFAR10", "--dataset", "cifar10"];
  for (const name of ["first", "second"]) {
    const args = [...what, ...places, ...mirrors, ...short, "--name", name];
    const { code, stderr, stdout } = await runHere(train, args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Using a training set with 10 images/);
  }
  const fetches = server.requests.filter((request) => !request.includes("SUMS"));
  assert.deepEqual(fetches.toSorted(), [
    "GET /BiT-M-R50x1-CIFAR10.npz",
    "GET /cifar-10-python.tar.gz",
  ]);
});
