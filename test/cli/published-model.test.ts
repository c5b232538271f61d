/** Published models by name: fetched where they are missing, with classes that have names. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { main as evaluate } from "../../src/cli/bit-eval.js";
import { main as predict } from "../../src/cli/bit-predict.js";
import { serveData } from "../data/data-server.js";
import { fixturePath } from "../fixture-path.js";
import { writeZeroArchive } from "../zoo/zoo-archive.js";
import { runHere } from "./command.js";
import { bmp, pattern } from "./tiny-images.js";

let root: string;
let archives: Record<string, Buffer>;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  archives = {};
  for (const [name, classes] of [
    ["BiT-M-R50x1-CIFAR10", 10],
    ["vtab/BiT-M-R50x1-run0-eurosat", 10],
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
  const [{ top }] = JSON.parse(stdout).predictions;
  const names = top.map((one: { name: string }) => one.name);
  assert.equal(names[0], "AnnualCrop", "of equal probabilities the lower class comes first");
  assert.equal(names[9], "SeaLake");
});
