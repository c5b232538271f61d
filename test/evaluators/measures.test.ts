/** What evaluators find, against scikit-learn, scipy and numpy; and that adding one is adding a file. */
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { shareInterval } from "../../src/evaluators/bootstrap.js";
import type { Example } from "../../src/evaluators/evaluator.js";
import { calibrationError } from "../../src/evaluators/measures/calibration.js";
import { AllMeasures, findEvaluators } from "../../src/evaluators/registry.js";
import { Scores } from "../../src/evaluators/scores.js";
import { fitTemperature } from "../../src/evaluators/temperature.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { cases, examplesOf, madeLogits, type ReferenceCase } from "./reference.js";

function near(got: number, wanted: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(got - wanted) <= tolerance, `${what}: ${got}, ${wanted}`);
}

const namesOf = (classes: number) => Array.from({ length: classes }, (_, i) => `class ${i}`);

/** What all evaluators find of a case, as JSON has it. */
async function measured(wanted: ReferenceCase, realLabels?: readonly (readonly number[])[]) {
  const { images, classes } = wanted;
  const made = madeLogits(wanted);
  const subject = { classes, classNames: namesOf(classes), count: images, realLabels };
  const measures = await AllMeasures.begin(subject);
  const scores = new Scores();
  for (const example of examplesOf(made)) {
    measures.add(example);
    scores.add(example);
  }
  const found = measures.finish();
  const values = (name: string) => JSON.parse(JSON.stringify(found[name]!.values));
  const lines = Object.values(found).flatMap((one) => one.lines);
  return { found, values, lines, scores: scores.means() };
}

for (const [i, wanted] of cases.entries())
  test(`the reference's case ${i}: ${wanted.images} images of ${wanted.classes} classes`, async () => {
    const { values, scores } = await measured(wanted);
    // Float64 here and there; only the order of sums differs.
    near(scores.loss, wanted.loss, 1e-12 * wanted.loss, "loss");
    near(scores.top1, wanted.top1, 1e-15, "top1");
    near(scores.top5, wanted.top5, 1e-15, "top5");

    const { macro, classes } = values("per_class");
    for (const [k, row] of classes.entries()) {
      assert.deepEqual([row.class, row.name, row.count], [k, `class ${k}`, wanted.support[k]]);
      // Where it is unknown the reference was told to say 0.
      near(row.precision ?? 0, wanted.precision[k]!, 1e-15, `precision ${k}`);
      near(row.recall ?? 0, wanted.recall[k]!, 1e-15, `recall ${k}`);
      near(row.f1 ?? 0, wanted.f1[k]!, 1e-15, `F1 ${k}`);
      assert.equal(row.precision === null, row.predicted === 0);
      assert.equal(row.recall === null, k >= wanted.present);
    }
    for (const [k, name] of ["precision", "recall", "f1"].entries())
      near(macro[name], wanted.macro[k]!, 1e-14, `mean ${name}`);

    const matrix = wanted.confusion.map((row) => row.map(() => 0));
    for (const [truth, predicted, count] of values("confusion").cells)
      matrix[truth]![predicted] = count;
    assert.deepEqual(matrix, wanted.confusion);

    const { error, bins, temperature } = values("calibration");
    near(error, wanted.calibration.error, 1e-12, "calibration error");
    assert.deepEqual(
      bins.map(({ count }: { count: number }) => count),
      wanted.calibration.counts,
    );
    const best = wanted.calibration.temperature;
    if (best !== null) {
      // The reference searches the temperature itself to about 1e-5; the loss is flat there.
      near(temperature.value, best.value, 1e-4 * best.value, "temperature");
      near(temperature.loss, best.loss, 1e-9, "loss at the temperature");
      near(temperature.error, best.error, 1e-4, "calibration error at the temperature");
    }

    // Other random numbers: shares of so few images are a few steps apart.
    const { hits, count, interval } = values("accuracy");
    assert.deepEqual([hits, count], [wanted.hits, wanted.images]);
    near(interval.low, wanted.interval[0], 2 / wanted.images, "lower end");
    near(interval.high, wanted.interval[1], 2 / wanted.images, "upper end");
  });

test("the temperature's loss is a minimum, and where there is none, none is said", () => {
  const made = madeLogits(cases[1]!);
  const temperature = fitTemperature(made)!;
  const lossAt = (value: number) => {
    let sum = 0;
    for (const { logits, label } of examplesOf(made)) {
      const total = logits.reduce((all, logit) => all + Math.exp(logit / value), 0);
      sum += Math.log(total) - logits[label]! / value;
    }
    return sum;
  };
  const least = lossAt(temperature);
  for (const factor of [0.9, 0.999, 1.001, 1.1])
    assert.ok(lossAt(factor * temperature) > least, `${factor}`);

  const of = (logits: number[][], labels: number[]) =>
    fitTemperature({
      logits: Float32Array.from(logits.flat()),
      labels: Int32Array.from(labels),
      classes: logits[0]!.length,
    });
  const right = [
    [3, 0],
    [0, 3],
  ];
  assert.equal(of(right, [0, 1]), undefined, "all right");
  assert.equal(of(right, [1, 0]), undefined, "all wrong");
  assert.equal(of([[0], [1]], [0, 0]), undefined, "one class");
  assert.equal(
    of(
      [
        [1, 1],
        [2, 2],
      ],
      [0, 1],
    ),
    undefined,
    "nothing said",
  );
  const huge = [
    [3e38, 0],
    [0, 3e38],
    [3e38, -3e38],
  ];
  assert.equal(of(huge, [0, 1, 1]), undefined, "beyond every temperature");
});

test("confidences of whole bins, of 1, and of next to nothing", () => {
  const { bins } = calibrationError(
    Float64Array.of(1, 1 / 15, 1e-9, 0.5),
    Uint8Array.of(1, 0, 0, 1),
  );
  assert.deepEqual([bins[14]!.count, bins[0]!.count, bins[7]!.count], [1, 2, 1]);
  assert.deepEqual(bins[3], {
    low: 3 / 15,
    high: 4 / 15,
    count: 0,
    confidence: null,
    accuracy: null,
  });
});

test("the interval is the same for the same seed, another for another, and exact for all or none", () => {
  assert.deepEqual(shareInterval(70, 100), shareInterval(70, 100, 0));
  const intervals = [0, 1, 2, 3, 4].map((seed) => shareInterval(7000, 10_007, seed));
  assert.ok(new Set(intervals.map(({ low, high }) => `${low} ${high}`)).size > 1);
  for (const { low, high } of intervals) {
    // The normal approximation: 1.96 standard deviations, to a twentieth of these.
    near((high - low) / 2, 1.96 * Math.sqrt((0.6995 * 0.3005) / 10_007), 5e-4, "width");
  }
  const ends = ({ low, high }: { low: number; high: number }) => [low, high];
  // R's binom.test(12, 12) has 0.7353515 to 1, and binom.test(0, 5) 0 to 0.5218238.
  const all = shareInterval(12, 12);
  near(all.low, 0.7353515, 1e-7, "all right");
  assert.deepEqual([all.high, all.method, all.resamples], [1, "clopper-pearson", 0]);
  const [low, high] = ends(shareInterval(0, 5));
  assert.equal(low, 0);
  near(high!, 0.5218238, 1e-7, "all wrong");
  assert.equal(shareInterval(11, 12).method, "bootstrap");
});

test("real labels: a prediction among them is right, and images without one are left out", async () => {
  const wanted = cases[0]!;
  const made = madeLogits(wanted);
  const examples: Example[] = [...examplesOf(made)];
  // None for every fifth; for the others the second most probable class, and for the even the most probable.
  const labels = examples.map(({ index, top }) => {
    if (index % 5 === 0) return [];
    return index % 2 === 0 ? [top[1]!, top[0]!] : [top[1]!];
  });
  const { values, lines } = await measured(wanted, labels);
  const { top1, hits, count, left_out } = values("real_labels");
  assert.deepEqual([hits, count, left_out, top1], [80, 160, 40, 0.5]);
  assert.ok(lines.some((line) => /by real labels top1 50\.00%, .* of 160 images; 40 /.test(line)));
  const without = await measured(wanted);
  assert.equal(without.found["real_labels"], undefined);
});

test("lines for people name the worst classes and the most frequent mistakes", async () => {
  const { lines } = await measured(cases[0]!);
  const text = lines.join("\n");
  assert.match(text, /^top1 within 5\d\.\d\d% and 6\d\.\d\d% \(95 % bootstrap interval\)/);
  assert.match(text, /expected calibration error 19\.14%; 17\.78% at temperature 1\.664/);
  assert.match(text, /classes with the lowest F1:\n {2}class 0: F1 20\.00%, of 29\n/);
  assert.match(text, /most frequent mistakes:\n {2}class \d taken for class \d: \d+ of \d+, /);
});

test("the wrong answers of the highest probability are told by their images, the surest first", async () => {
  const wanted = cases[0]!;
  const { classes, images: count } = wanted;
  const examples: Example[] = [...examplesOf(madeLogits(wanted))];
  const probability = ({ logits, top }: Example) => {
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - logits[top[0]!]!), 0);
    return 1 / sum;
  };
  const wrong = examples.filter(({ label, top }) => top[0] !== label);
  const expected = [...wrong].sort((a, b) => probability(b) - probability(a)).slice(0, 5);
  const subject = { classes, classNames: namesOf(classes), count };
  for (const imageName of [undefined, (index: number) => `photos/${index}.png`]) {
    const measures = await AllMeasures.begin({ ...subject, imageName });
    for (const example of examples) measures.add(example);
    const { values, lines } = measures.finish()["mistakes"]!;
    const nameOf = imageName ?? ((index: number) => `image ${index}`);
    assert.equal(values["count"], wrong.length);
    const { surest } = values as { surest: readonly { path: string; probability: number }[] };
    assert.deepEqual(
      surest.map(({ path }) => path),
      expected.map(({ index }) => nameOf(index)),
    );
    for (const [i, one] of surest.entries())
      near(one.probability, probability(expected[i]!), 1e-12, `probability ${i}`);
    const { index, label, top } = expected[0]!;
    assert.ok(
      lines[1]!.startsWith(`  ${nameOf(index)}: class ${label} taken for class ${top[0]}, `),
    );
    assert.equal(lines.length, 6);
  }
});

test("an evaluator is a file, found by its being there", async (t) => {
  const own = new URL("../../src/evaluators/measures/", import.meta.url);
  const files = (await readdir(own)).filter((file) => file.endsWith(".js"));
  const names = (await findEvaluators()).map(({ name }) => name);
  assert.equal(names.length, files.length);
  assert.deepEqual(names, [...names].sort());

  const folder = join(await temporaryFolder(t), "measures");
  await mkdir(folder);
  const source = `export const evaluator = { name: "images", begin: () => {
    let n = 0;
    return { add: () => n++, finish: () => ({ values: { n }, lines: [] }) };
  } };`;
  await writeFile(join(folder, "images.js"), source);
  const url = pathToFileURL(`${folder}/`);
  const measures = new AllMeasures(
    { classes: 7, classNames: namesOf(7), count: 200 },
    await findEvaluators(url),
  );
  for (const example of examplesOf(madeLogits(cases[0]!))) measures.add(example);
  assert.deepEqual(measures.finish(), { images: { values: { n: 200 }, lines: [] } });
  await writeFile(join(folder, "other.js"), source);
  await assert.rejects(findEvaluators(url), /other\.js: images is the name of another evaluator/);
  await writeFile(join(folder, "nothing.js"), "export const evaluators = [];");
  await assert.rejects(findEvaluators(url), /nothing\.js exports no evaluator/);
});
