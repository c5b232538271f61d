/** `bit-eval` end to end: the run's own figures again, and other ways to the same. */
import assert from "node:assert/strict";
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { realLabelsOf } from "../../src/data/published/real-labels.js";
import { metadataArray } from "../../src/record/archive-record.js";
import { readArrays } from "../archive/read-arrays.js";
import { fixturePath } from "../fixture-path.js";
import { bitPredict, bitEval as main, predictionsIn, runBin, runHere } from "./command.js";
import { tinyClasses } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;
let result: { val_top1: number; val_top5: number; val_loss: number };

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
  result = JSON.parse(await readFile(join(tiny.run, "result.json"), "utf8"));
});

after(() => rm(root, { recursive: true, force: true }));

/** Other batches are summed in another order: to 6 digits the results are the same. */
function assertSameResult(report: typeof result): void {
  assert.equal(report.val_top1, result.val_top1);
  assert.equal(report.val_top5, result.val_top5);
  const apart = Math.abs(report.val_loss - result.val_loss);
  assert.ok(apart < 1e-6 * result.val_loss, `${report.val_loss}, ${result.val_loss}`);
}

test("a run's folder gives the run's own result, as one JSON object", async () => {
  const { code, stdout, stderr } = await runBin("bit-eval", [tiny.run, "--json"]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.equal(stdout.trimEnd().split("\n").length, 1);
  const { seconds, ...all } = JSON.parse(stdout);
  const { accuracy, calibration, confusion, mistakes, per_class, ...report } = all;
  assertSameResult(report);
  assert.ok(seconds > 0);
  assert.deepEqual([accuracy.hits / 15, accuracy.count], [report.val_top1, 15]);
  assert.ok(accuracy.interval.low <= report.val_top1 && report.val_top1 <= accuracy.interval.high);
  assert.equal(mistakes.count, 15 - accuracy.hits);
  for (const { path } of mistakes.surest) assert.ok(path.startsWith(`${tiny.images}/val/`), path);
  assert.ok(calibration.error >= 0 && calibration.error <= 1);
  assert.equal(
    confusion.cells.reduce((sum: number, [, , count]: number[]) => sum + count!, 0),
    15,
  );
  assert.deepEqual(
    per_class.classes.map(({ name, count }: { name: string; count: number }) => [name, count]),
    tinyClasses.map((name) => [name, 5]),
  );
  assert.deepEqual(
    { ...report, val_top1: 0, val_top5: 0, val_loss: 0 },
    {
      val_top1: 0,
      val_top5: 0,
      val_loss: 0,
      count: 15,
      skipped: 0,
      model: "R14x0.5",
      weights: tiny.checkpoint,
      dataset: "tiny",
      split: "val",
      classes: 3,
      classes_evaluated: 3,
      classes_matched_by: "name",
      notes: [],
      crop: 32,
      precision: "fp32",
      tta: null,
    },
  );
});

test("an archive alone, told what the run's folder tells, in batches that do not divide 15", async () => {
  const weights = join(root, "Tiny-R14x0.5.npz");
  await copyFile(tiny.checkpoint, weights);
  const flags = `--dataset folder --datadir ${tiny.images} --crop 32 --batch 4 --precision fp32 --json`;
  const { code, stdout, stderr } = await runHere(main, [weights, ...flags.split(" ")]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assertSameResult(report);
  assert.equal(report.model, "R14x0.5", "the archive's own, not its file's name");
});

test("people are told the same", async () => {
  const { code, stdout } = await runHere(main, [tiny.checkpoint, "--batch=64", "--workers=1"]);
  assert.equal(code, 0);
  assert.match(stdout, /15 images of val, 3 classes, resized to 32x32/);
  assert.match(stdout, new RegExp(`loss ${result.val_loss.toFixed(5)}, top1`));
  assert.match(
    stdout,
    /\ntop1 within \d+\.\d\d% and \d+\.\d\d% \((95 % bootstrap interval|exact 95 % interval, as all are right)\)\n/,
  );
  assert.match(stdout, /\nexpected calibration error \d+\.\d\d%; /);
  assert.match(stdout, /\nmean of the classes: precision \d/);
});

/** Rows of a table without quotes. */
async function rowsOf(path: string): Promise<string[][]> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  return lines.map((line) => line.split(","));
}

test("--csv is a row an image, of the classes and probabilities that bit-predict says", async () => {
  const csv = join(root, "predictions.csv");
  const { code, stderr } = await runHere(main, [tiny.run, "--csv", csv, "--batch", "4"]);
  assert.equal(code, 0, stderr);
  const [head, ...rows] = await rowsOf(csv);
  const columns = "path,truth,top1,top2,top3,probability1,probability2,probability3";
  assert.equal(head!.join(), columns);
  assert.equal(rows.length, 15);
  const paths = rows.map(([path]) => path!);
  const predicted = await runHere(bitPredict, [...paths, tiny.run, "--json"]);
  const told = predictionsIn(predicted.stdout).predictions;
  for (const [i, [path, truth, ...cells]] of rows.entries()) {
    assert.equal(path!.split("/").at(-2), truth, "the folder says what it shows");
    const { source, top } = told[i]!;
    assert.equal(source, path);
    for (const [place, { name, probability }] of top.entries()) {
      assert.equal(cells[place], name);
      // Other batches: float32 logits differ by about 1e-6.
      assert.ok(Math.abs(Number(cells[3 + place]) - probability) < 1e-5, `${path}`);
    }
  }
  // The run's own, of its final evaluation.
  const hits = rows.filter(([, truth, best]) => truth === best).length;
  assert.equal(hits / 15, result.val_top1);
});

test("--tta flip gives another result, and says so", async () => {
  const flipped = await runHere(main, [tiny.run, "--tta", "flip", "--json"]);
  assert.equal(flipped.code, 0, flipped.stderr);
  const report = JSON.parse(flipped.stdout);
  assert.deepEqual([report.tta, report.count], ["flip", 15]);
  assert.notEqual(report.val_loss, result.val_loss);
  const { stdout } = await runHere(main, [tiny.run, "--tta", "flip"]);
  assert.match(stdout, /resized to 32x32, and mirrored/);
});

/** The run's archive without its record, so that the dataset's classes are the model's. */
async function withoutRecord(): Promise<string> {
  const path = join(root, "plain.npz");
  const arrays = await readArrays(tiny.checkpoint);
  await writeNpz(
    path,
    arrays.filter(({ name }) => name !== metadataArray),
  );
  return path;
}

test("--real_labels counts what is among them, by the images' numbers", async () => {
  // ImageNet's classes 0 to 2.
  const wnids = ["n01440764", "n01443537", "n01484850"];
  const images = join(root, "imagenet");
  for (const [i, name] of tinyClasses.entries())
    for (const k of [8, 9, 10]) {
      const to = join(
        images,
        wnids[i]!,
        `ILSVRC2012_val_${String(100 * i + k).padStart(8, "0")}.bmp`,
      );
      await cp(join(tiny.images, "val", name, `${k}.bmp`), to, { recursive: true });
    }
  const csv = join(root, "real.csv");
  const flags = `--model R14x0.5 --dataset ${images} --crop 32 --precision fp32 --csv ${csv}`;
  const args = [await withoutRecord(), ...flags.split(" ")];
  const real = join(root, "real.json");
  // Class 999, which the model does not know, until more is known.
  const labels = Array.from({ length: 50_000 }, () => [999]);
  await writeFile(real, JSON.stringify(labels));
  const unknown = await runHere(main, [...args, "--real_labels", real]);
  assert.equal(unknown.code, 0, unknown.stderr);
  assert.match(unknown.stderr, /997 of ImageNet's classes are none of the model's/);
  assert.match(unknown.stdout, /by real labels top1 0\.00%, .* of 9 images; 0 without/);

  // By turns none, what is predicted among others, and what is not predicted.
  const [, ...rows] = await rowsOf(csv);
  assert.equal(rows.length, 9);
  rows.forEach(([path, , best], i) => {
    const number = Number(/_(\d{8})\.bmp$/.exec(path!)![1]);
    const predicted = wnids.indexOf(best!);
    labels[number - 1] = [[], [999, predicted], [(predicted + 1) % 3]][i % 3]!;
  });
  await writeFile(real, JSON.stringify(labels));
  const { stdout, stderr } = await runHere(main, [...args, "--real_labels", real, "--json"]);
  const report = JSON.parse(stdout || stderr);
  const { top1, hits, count, left_out } = report.real_labels;
  assert.deepEqual([top1, hits, count, left_out, report.count], [0.5, 3, 6, 3, 9]);
});

test("real labels that are none, or of other images, are refused, and nothing is written", async () => {
  const csv = join(root, "never.csv");
  const real = join(root, "labels.json");
  const good = JSON.stringify(Array.from({ length: 50_000 }, () => [0]));
  const cases: [string, RegExp][] = [
    ["{", /labels\.json: no JSON/],
    ["[[0]]", /labels\.json: .*\n {2}expected: a list of 50000 lists of classes from 0 to 999/],
    [good.replace("[0]", "[1000]"), /labels\.json: .*\(at 0, 0\)/],
    [good.replace("[0]", "0"), /labels\.json: .*\(at 0\)/],
    [good, /the model's classes are no WordNet ids of ImageNet: blue, green/],
  ];
  for (const [text, message] of cases) {
    await writeFile(real, text);
    const { code, stderr } = await runHere(main, [tiny.run, "--real_labels", real, "--csv", csv]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    await assert.rejects(readFile(csv), /ENOENT/);
  }
  const part = {
    images: { kind: "pixels", pixels: new Uint8Array(3), height: 1, width: 1 },
  } as const;
  await assert.rejects(
    realLabelsOf({ ...part, labels: Int32Array.of(0) }, [], ["n01440764 tench"]),
    /image 0 is no image of ILSVRC-2012's validation set/,
  );
  const nowhere = join(root, "nowhere", "x.csv");
  const { code, stderr } = await runHere(main, [tiny.run, "--csv", nowhere]);
  assert.equal(code, 2);
  assert.match(stderr, /its folder does not exist/);
});

test("images that are skipped are counted, named, and not said to be all", async () => {
  const images = join(root, "whole");
  await cp(join(tiny.images, "val"), images, { recursive: true });
  await writeFile(join(images, "red", "page.jpg"), "<!DOCTYPE html><html>404</html>");
  const args = [tiny.run, "--dataset", images, "--bad_images", "skip"];
  const { stdout, stderr } = await runHere(main, args);
  assert.match(stdout, /whole: 15 of 16 images, 3 classes/);
  assert.match(
    stderr,
    /note: 1 image that cannot be used is left out: .*page\.jpg \(a web page, .*\)/,
  );
  const report = JSON.parse((await runHere(main, [...args, "--json"])).stdout);
  assertSameResult(report);
  assert.deepEqual([report.count, report.skipped, report.notes.length], [15, 1, 1]);
});

test("what does not belong together is refused", async () => {
  const cifar = ["--dataset", "cifar10", "--datadir", fixturePath("data", "cifar")];
  const backbone = fixturePath("archive", "float16.npz");
  const cases: [string[], RegExp][] = [
    [
      [tiny.run, ...cifar],
      /has automobile, deer, which are no classes of the model\n {2}expected: some of its 3 classes/,
    ],
    [[], /nothing to evaluate/],
    [[tiny.run, tiny.run], /2 things to evaluate/],
    [[tiny.images], /config\.json is not in it/],
    [[backbone, "--model", "R14x0.5", ...cifar], /holds no classifier/],
    [[tiny.run, "--model", "R26x0.5"], /does not fit R26x0.5: \d+ missing/],
    [[join(root, "none.npz")], /there is no such file/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runHere(main, [...args, "--json"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});
