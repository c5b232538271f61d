/** `bit-reproduce` from nothing: model and dataset come from a server on this machine. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { deviations, reproducedRuns, resultTable } from "../../src/cli/reproduced.js";
import { runFolder } from "../../src/record/run-folder.js";
import { compareCurves, findPublished } from "../../src/report/published-runs.js";
import { curveOfMetrics } from "../../src/report/run-curve.js";
import { serveData } from "../data/data-server.js";
import { sumsOf, tarGzOf } from "../data/made-archives.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { writeZeroArchive } from "../zoo/zoo-archive.js";
import { runBin } from "./command.js";

async function cifarArchive(): Promise<Buffer> {
  const folder = "cifar-10-batches-py";
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(fixturePath("data", "cifar", folder)))
    files[`${folder}/${name}`] = await readFile(fixturePath("data", "cifar", folder, name));
  return tarGzOf(files);
}

test("a published run is repeated from nothing, compared, and gone on with", async (t) => {
  const folder = await temporaryFolder(t);
  const archive = join(folder, "served.npz");
  await writeZeroArchive(archive, "BiT-M-R50x1", 21_843);
  const data = { "cifar-10-python.tar.gz": await cifarArchive() };
  const models = { "BiT-M-R50x1.npz": await readFile(archive) };
  const server = await serveData(t, { ...models, ...data, MD5SUMS: sumsOf(data) });

  const command = (stopAfter: number, ...more: string[]) => {
    const places = ["--datadir", folder, "--bit_pretrained_dir", folder, "--logdir", folder];
    const mirrors = ["--base_url", server.url, "--data_url", server.url, "--trust_mirror"];
    const short = ["--batch", "1", "--stop_after", String(stopAfter)];
    return runBin("bit-reproduce", ["cifar10", "R50x1", ...places, ...mirrors, ...short, ...more]);
  };
  const first = await command(4);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /BiT-M-R50x1 is not in .*: downloading it/);
  assert.match(first.stdout, /Stopped after 4 steps\. To go on: the same command/);
  assert.match(first.stdout, /^Computing in fp32, as what is published/m);
  assert.match(first.stdout, /BiT-M-R50x1, 10 classes, fp32:/);
  assert.match(first.stdout, /PyTorch +97\.4\n[\s\S]*No run of these is done yet/);
  assert.match(first.stdout, /57 more rows come after step 4\./);

  assert.match(first.stdout, /note: 1 images a step, where the published run had 128/);

  const second = await command(10);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /Resumed at step 4/);
  // A head and features of zeros: the loss begins at the logarithm of the number of classes.
  assert.match(second.stdout, /steps 0 to 9, median loss +2\.29352 +2\.302\d\d +\+0\.009\d\d\n/);

  const seeds = await command(1, "--seeds", "2", "--examples_per_class", "1");
  assert.equal(seeds.code, 0, seeds.stderr);
  assert.match(seeds.stdout, /reproduce_cifar10_BiT-M-R50x1_1-shot_seed0 to .*_seed1/);
  assert.match(seeds.stdout, /PyTorch +57\.9 \(45\.8 to 65\.7\)/);
  assert.match(seeds.stdout, /note: \d+ held-out images, where the published run had 10000/);
  const fetches = server.requests.filter((request) => !request.includes("SUMS"));
  assert.deepEqual(fetches.toSorted(), ["GET /BiT-M-R50x1.npz", "GET /cifar-10-python.tar.gz"]);
});

test("curves are compared row by row, in the order in which they come about", async () => {
  const { run: published } = await findPublished("cifar10", "R50x1");
  assert.ok(published !== undefined);
  const metrics = [
    ...Array.from({ length: 20 }, (_, step) => JSON.stringify({ step, loss: step })),
    JSON.stringify({ step: 19, loss: 0 }),
    JSON.stringify({ validation: 1000, val_loss: 0.1, val_top1: 0.97, val_top5: 1 }),
    JSON.stringify({ validation: "end", val_loss: 0.2, val_top1: 0.98, val_top5: 1 }),
    '{"step": 20, "lo',
  ];
  const rows = compareCurves(published, curveOfMetrics(metrics.join("\n"), { end: 10_000 }));
  const own = Object.fromEntries(rows.map((row) => [row.what, row.own]));
  assert.equal(own["steps 0 to 9, median loss"], 4.5);
  assert.equal(
    own["steps 10 to 19, median loss"],
    13.5,
    "the step that was made twice counts as last",
  );
  assert.equal(own["steps 20 to 49, median loss"], undefined);
  assert.equal(own["after 1000 steps, top-1 in %"], 97);
  assert.equal(own["after 10000 steps, validation loss"], 0.2);
  const places = rows.map(({ what }) => Number(/(\d+)(?: steps|,)/.exec(what)![1]));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test("what was never published is refused with what was", async () => {
  await assert.rejects(
    findPublished("cifar10", "R101x1"),
    /expected: cifar100 R101x3, .*imagenet2012 R50x1, .*\n.*npx bit-reproduce cifar10 R101x3$/,
  );
  await assert.rejects(
    findPublished("cifar10", "R50x1", 2),
    /cifar10 R50x1 --examples_per_class 1/,
  );
});

test("a run's result is told beside the published, and what chance explains", async (t) => {
  const root = await temporaryFolder(t);
  const folders = [0.973, 0.974, 0.9729].map((top1, seed) => {
    return { folder: runFolder(root, `r_seed${seed}`), top1 };
  });
  for (const { folder, top1 } of folders) {
    await mkdir(folder.path);
    const config = { version: 1, batch: 128, schedule: [500, 10_000], valSize: 10_000 };
    await writeFile(folder.config, JSON.stringify(config));
    const result = { val_top1: top1, val_top5: 1, val_loss: 0.1, steps: 10_000 };
    await writeFile(folder.result, JSON.stringify({ version: 1, ...result }));
  }
  const runs = await reproducedRuns(folders.map(({ folder }) => folder));
  const { results } = await findPublished("cifar10", "R50x1");
  const lines = resultTable("BiT-M-R50x1", results, runs).split("\n");
  // By scipy: 97.4 -+ (hypot(1.96 sqrt(97.4 * 2.6 / 10000), t(2) 0.0608 sqrt(4 / 3)) + 0.05).
  assert.match(
    lines[0]!,
    /BiT-M-R50x1 on cifar10 +published +mean of 3 +deviation +expected +as published/,
  );
  assert.match(lines[3]!, /^PyTorch +97\.4 +97\.33 +0\.06 +96\.92 to 97\.88 +yes$/);
  const [only] = runs;
  const poor = [{ ...only!, top1: 0.96 }];
  assert.match(
    resultTable("m", results, poor),
    /PyTorch +97\.4 +96\.00 +97\.04 to 97\.76 +no, lower/,
  );
});

test("what differs from the published run's settings is noted, the precision too", () => {
  const published = { trainSize: 50_000, batch: 128, steps: 10_000 };
  const same = {
    trainSize: 50_000,
    batch: 128,
    schedule: [500, 10_000],
    precision: "fp32",
  } as const;
  assert.deepEqual(deviations(published, same), []);
  const notes = deviations(published, { ...same, batch: 64, precision: "bf16" });
  assert.deepEqual(notes.length, 2);
  assert.match(notes[0]!, /^note: 64 images a step, where the published run had 128$/);
  assert.match(notes[1]!, /^note: computed in bf16, .*--precision fp32/);
});
