/** `bit-eval` end to end: the run's own figures again, and other ways to the same. */
import assert from "node:assert/strict";
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixturePath } from "../fixture-path.js";
import { bitEval as main, runBin, runHere } from "./command.js";
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
  const { seconds, ...report } = JSON.parse(stdout);
  assertSameResult(report);
  assert.ok(seconds > 0);
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
