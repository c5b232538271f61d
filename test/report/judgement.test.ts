/** A report's figures are scikit-learn's and the evaluators', also by way of predictions.csv. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { Predictions } from "../../src/evaluators/predictions.js";
import { AllMeasures } from "../../src/evaluators/registry.js";
import { writePredictions } from "../../src/record/predictions-table.js";
import { type JudgedImage, judge, mostShown } from "../../src/report/judgement.js";
import { readPredictions } from "../../src/report/read-predictions.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { cases, examplesOf, madeLogits } from "../evaluators/reference.js";

const pixels = { kind: "pixels", pixels: new Uint8Array(), height: 1, width: 1 } as const;

for (const [number, reference] of cases.entries())
  test(`figures of case ${number} are the reference's, read from predictions.csv`, async (t) => {
    const made = madeLogits(reference);
    const { images: count, classes } = reference;
    const classNames = Array.from({ length: classes }, (_, i) => `class, "${i}"`);
    const predictions = new Predictions({ classes, count });
    const measures = await AllMeasures.begin({ classes, classNames, count });
    for (const example of examplesOf(made)) {
      predictions.add(example);
      measures.add(example);
    }
    const path = join(await temporaryFolder(t), "predictions.csv");
    await writePredictions(path, { images: pixels, classNames, predictions });
    const images = await readPredictions(path, classNames);
    const { judgement } = judge(images!, classNames);

    const near = (got: number, expected: number, what: string) =>
      assert.ok(Math.abs(got - expected) < 1e-9, `${what}: ${got}, not ${expected}`);
    const { precision, recall, f1 } = judgement.macro;
    for (const [i, value] of [precision, recall, f1].entries())
      near(value, reference.macro[i]!, "macro");
    for (const [label, row] of judgement.perClass.entries()) {
      assert.equal(row.count, reference.support[label] ?? 0);
      if (row.f1 !== null) near(row.f1, reference.f1[label]!, `F1 of ${label}`);
    }
    for (const [truth, predicted, images] of judgement.confusion)
      assert.equal(images, reference.confusion[truth]![predicted]);
    assert.equal(
      judgement.confusion.reduce((sum, [, , images]) => sum + images, 0),
      count,
    );
    assert.equal(judgement.mistakes, count - reference.hits);

    // The same objects as the evaluators', but for the seven digits of probabilities.
    const { per_class, confusion, calibration, accuracy } = measures.finish();
    const { classes: rows, macro } = per_class!.values;
    assert.deepEqual(macro, judgement.macro);
    assert.deepEqual(
      rows,
      judgement.perClass.map((row, i) => ({ class: i, name: classNames[i], ...row })),
    );
    assert.deepEqual(confusion!.values["cells"], judgement.confusion);
    assert.deepEqual(
      { low: judgement.interval.low, high: judgement.interval.high },
      (({ low, high }) => ({ low, high }))(
        accuracy!.values["interval"] as { low: number; high: number },
      ),
    );
    const off = Number(calibration!.values["error"]) - judgement.calibrationError;
    assert.ok(Math.abs(off) < 1e-6, `calibration error off by ${off}`);
  });

/** An image taken for a class with a probability. */
function image(name: string, label: number, best: number, probability: number): JudgedImage {
  const others = [0, 1, 2, 3].filter((one) => one !== best);
  return {
    ...{ name, label, top: [best, ...others] },
    probabilities: [probability, ...others.map((_, i) => (1 - probability) / (3 + i))],
  };
}

test("the worst mistakes are the surest wrong answers; the least sure may be right", () => {
  const images = [
    image("right", 0, 0, 0.9),
    image("slightly wrong", 1, 2, 0.5),
    image("very wrong", 1, 2, 0.99),
    image("unsure", 3, 3, 0.3),
    image("as wrong", 3, 0, 0.99),
  ];
  const { judgement, worst, unsure } = judge(images, ["a", "b", "c", "d"]);
  assert.deepEqual(
    judgement.worst.map(({ name }) => name),
    ["very wrong", "as wrong", "slightly wrong"],
  );
  assert.deepEqual(worst, [2, 4, 1]);
  assert.deepEqual(unsure, [3, 1, 0, 2, 4]);
  assert.equal(judgement.unsure[0]!.name, "unsure");
  // Three classes, and the image's own where it is further behind.
  assert.deepEqual(
    judgement.worst.map(({ top }) => top.map(([label]) => label)),
    [
      [2, 0, 1],
      [0, 1, 2, 3],
      [2, 0, 1],
    ],
  );
  const many = Array.from({ length: 100 }, (_, i) => image(`${i}`, 0, 1, 0.5));
  assert.equal(judge(many, ["a", "b", "c", "d"]).judgement.worst.length, mostShown);
});

test("without predictions, or with names that are not unique, none are read", async (t) => {
  const path = join(await temporaryFolder(t), "predictions.csv");
  assert.equal(await readPredictions(path, ["a", "b"]), undefined);
  await writeFile(path, "path,truth,top1,probability1\nx.png,crane,crane,0.5\n");
  assert.equal(await readPredictions(path, ["crane", "crane"]), undefined);
  assert.equal((await readPredictions(path, ["crane", "tit"]))![0]!.label, 0);
});

test("a damaged table of predictions is refused", async (t) => {
  const path = join(await temporaryFolder(t), "predictions.csv");
  const wrong: readonly (readonly [text: string, said: RegExp])[] = [
    ["path,truth,top1\nx.png,a,a\n", /other columns/],
    ["path,truth,top1,probability1\nx.png,a,z,0.5\n", /"z" is none of the run's classes/],
    ["path,truth,top1,probability1\nx.png,a,a,high\n", /no number/],
    ["path,truth,top1,probability1\nx.png,a\n", /Invalid Record Length/],
  ];
  for (const [text, said] of wrong) {
    await writeFile(path, text);
    await assert.rejects(readPredictions(path, ["a", "b"]), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, said);
      return true;
    });
    assert.equal(await readFile(path, "utf8"), text);
  }
});
