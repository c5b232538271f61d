/** `bit-eval --knn`: what a model's features are worth, before any training. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { readArrays } from "../archive/read-arrays.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { bitEval as main, runBin, runHere } from "./command.js";
import { bmp, pattern, tinyClasses, writeTinyFolder } from "./tiny-images.js";

test("classes that the model does not know, by every evaluator, also without a head", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const csv = join(root, "votes.csv");
  const flags = ["--dataset", dataset, "--crop", "32", "--precision", "fp32", "--json"];
  const asked = [sampleWeights(), ...flags, "--knn", "--knn_neighbours", "3", "--csv", csv];
  const { code, stdout, stderr } = await runBin("bit-eval", asked);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.equal(report.val_top1, 1, "three plain colours");
  assert.deepEqual(report.knn, { of: 3, among: 24 });
  assert.deepEqual([report.classes, report.classes_evaluated, report.split], [3, 3, "val"]);
  assert.deepEqual(
    report.per_class.classes.map(({ name, f1 }: { name: string; f1: number }) => [name, f1]),
    tinyClasses.map((name) => [name, 1]),
  );
  assert.equal(report.confusion.cells.length, 3);
  // Of three votes for one class, and one for all of three: (3 + 1/3) / 4.
  assert.ok(Math.abs(report.val_loss + Math.log((3 + 1 / 3) / 4)) < 1e-6);
  const [head, first] = (await readFile(csv, "utf8")).split("\n");
  assert.equal(head, "path,truth,top1,top2,top3,probability1,probability2,probability3");
  assert.match(
    first!,
    /blue\/10\.bmp,blue,blue,green,red,0\.833333\d*,0\.0833333\d*,0\.0833333\d*$/,
  );

  // The head plays no part.
  const arrays = await readArrays(sampleWeights());
  const body = arrays.filter(({ name }) => !name.includes("head/conv2d"));
  assert.equal(body.length, arrays.length - 2);
  const headless = join(root, "R14x0.5.npz");
  await writeNpz(headless, body);
  const alone = await runHere(main, [headless, ...flags, "--knn", "--knn_neighbours", "3"]);
  assert.equal(alone.code, 0, alone.stderr);
  const { weights, model, seconds, ...values } = JSON.parse(alone.stdout);
  assert.deepEqual([weights, model], [headless, "R14x0.5"]);
  const { weights: w, model: m, seconds: s, ...wanted } = report;
  assert.deepEqual(values, wanted);

  // Nothing is made again, and it says so.
  const again = await runHere(main, [headless, ...flags.slice(0, -1), "--knn"]);
  assert.match(
    again.stdout,
    /features without the head, by 20 votes of the nearest among 24 images/,
  );
  assert.match(
    again.stdout + again.stderr,
    /features of 24 training images: kept by an earlier command/,
  );
});

test("a dataset that is not divided: a fifth is held out, as training holds it out", async (t) => {
  const root = await temporaryFolder(t);
  const files: Record<string, Uint8Array> = {};
  for (const [label, name] of tinyClasses.entries())
    for (let i = 0; i < 10; i++) files[`${name}/${i}.bmp`] = bmp(pattern(label, i, 40, 36), 40, 36);
  await writeTree(join(root, "photos"), files);
  const flags = ["--dataset", join(root, "photos"), "--crop", "32", "--knn", "--json"];
  const { code, stdout, stderr } = await runHere(main, [sampleWeights(), ...flags]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.count, report.knn], [6, { of: 20, among: 24 }]);
});

test("settings that contradict each other are refused", async (t) => {
  const dataset = await writeTinyFolder(await temporaryFolder(t));
  const cases: readonly [flags: string, said: RegExp][] = [
    ["--knn_neighbours 5", /--knn_neighbours 5: without --knn the head is evaluated/],
    ["--knn --tta flip", /--tta flip: --knn, which has no logits/],
    ["--knn --match_classes order", /--match_classes order: --knn/],
    ["--knn --split train", /--split train: --knn, where the training part votes/],
    ["--knn --knn_neighbours 25", /--knn_neighbours 25: tiny has 24 training images/],
    ["--knn --knn_neighbours 0", /knn_neighbours/],
    ["--knn --split test", /--split test: .* has no such part/],
    ["--nb_knn 5", /--knn_neighbours/],
  ];
  for (const [flags, said] of cases) {
    const args = [sampleWeights(), "--dataset", dataset, "--crop", "32", ...flags.split(" ")];
    const { code, stdout, stderr } = await runHere(main, args);
    assert.equal(code, 2, flags);
    assert.match(stderr, said, flags);
    assert.doesNotMatch(stdout, /top1/);
  }
});
