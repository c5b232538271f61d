/** A run ends with its report, and never because of it; older runs, and several, are reported on later. */
import assert from "node:assert/strict";
import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import type { RunEvent, RunObserver } from "../../src/record/run-events.js";
import { seedsFiles, summaryOf, writeSeeds } from "../../src/record/seeds-file.js";
import type { HeatMap } from "../../src/report/report-data.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { reportRuns } from "../../src/run/report-run.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { reportIn } from "../report/report-in.js";

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const read = async (path: string) => reportIn(await readFile(path, "utf8"));
const openEngine = () => engine;
const noEngine = () => assert.fail("no engine is needed");

/** Trains on a tiny folder below `root`; returns the run's folder and what was noted. */
async function trained(
  root: string,
  name: string,
  more: Partial<FineTuneOptions> = {},
  observer: RunObserver = {},
) {
  const notes: string[] = [];
  const event = (one: RunEvent) => {
    if (one.type === "note") notes.push(`${one.level}: ${one.text}`);
    observer.event?.(one);
  };
  const options: FineTuneOptions = {
    ...{ name, dataset: await writeTinyFolder(root), logdir: join(root, "logs") },
    ...{ model: "R14x0.5", fromScratch: true, batch: 8, steps: 6, resolution: 40, crop: 32 },
    ...{ baseLr: 0.001, precision: "fp32" as const, evalEvery: 3, save: true, tensorboard: false },
    ...more,
  };
  const result = await fineTune(options, engine, { ...observer, event });
  return { result, notes, folder: result.folder };
}

test("a run's report tells its result, its images and its settings", async (t) => {
  const root = await temporaryFolder(t);
  const { result, notes, folder } = await trained(root, "run", { note: "a word", seed: 3 });
  assert.ok(notes.includes(`info: Report: ${folder.report}`), notes.join("\n"));
  const { runs } = await read(folder.report);
  const [run] = runs;
  assert.equal(runs.length, 1);
  assert.equal(run!.name, "run");
  assert.equal(run!.note, "a word");
  assert.deepEqual(run!.remarks, []);
  const { loss, top1, top5 } = result.validation!;
  assert.deepEqual(run!.final, { steps: 6, loss, top1, top5 });
  assert.equal(run!.settings["seed"], "3");
  assert.equal(run!.settings["resolution"], "precrop 40, crop 32");
  assert.deepEqual(run!.curves.steps, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(
    run!.curves.validations.map(({ steps }) => steps),
    [3, 6],
  );
  assert.ok(run!.times.some(({ part }) => part === "step"));
  const { count, mistakes, worst, unsure, classNames } = run!.judgement!;
  assert.equal(count, 15);
  assert.equal(mistakes, Math.round(15 * (1 - top1)));
  assert.deepEqual(classNames, ["blue", "green", "red"]);
  for (const image of [...worst, ...unsure]) {
    assert.match(image.picture!.url, /^data:image\/png;base64,/);
    assert.deepEqual([image.picture!.width, image.picture!.height], [36, 40]);
    assert.equal(image.name.split("/").at(-2), classNames[image.truth]);
  }
  for (const { truth, top, heat, like } of worst) {
    const taken = top[0]![0];
    assert.deepEqual(
      like!.map(({ label, among, all }) => [label, among, all]).sort(),
      [taken, truth].map((label) => [label, 8, 8]).sort(),
      "the training images most like it of what it was taken for, and of what it is",
    );
    for (const { picture } of like!) assert.match(picture.url, /^data:image\/png;base64,/);
    assert.deepEqual(
      heat!.map(({ label }) => label),
      [taken, truth],
    );
    assert.ok(isOnOneScale(heat!));
  }
  for (const { truth, top, heat } of unsure) {
    // Those that are among the worst mistakes, too, have both.
    assert.equal(heat!.length, mistakes <= 24 && top[0]![0] !== truth ? 2 : 1);
    assert.ok(isOnOneScale(heat!));
  }

  // Later, from its files; with predictions.csv and without.
  const early = await read(folder.report);
  await reportRuns({ runs: [folder.path] }, openEngine);
  const later = await read(folder.report);
  const rounded = (value: unknown) =>
    JSON.parse(JSON.stringify(value), (_, one) =>
      typeof one === "number" ? Number(one.toPrecision(4)) : one,
    );
  assert.deepEqual(rounded(later.runs), rounded(early.runs));
  await rm(folder.predictions);
  await reportRuns({ runs: [folder.path] }, openEngine);
  assert.ok(await isThere(folder.predictions), "it was evaluated");
  const { judgement } = (await read(folder.report)).runs[0]!;
  assert.deepEqual(judgement!.confusion, run!.judgement!.confusion);
});

/** Whether maps of 32 x 32 pixels are of one place, the largest 255 unless nothing speaks for any class. */
function isOnOneScale(maps: readonly HeatMap[]): boolean {
  const levels = maps.flatMap(({ rows, columns, levels: base64 }) => {
    assert.deepEqual([rows, columns], [1, 1]);
    return [...Buffer.from(base64, "base64")];
  });
  const largest = Math.max(...levels);
  return levels.length === maps.length && (largest === 255 || largest === 0);
}

test("without the weights, or where they do not fit, there are pictures and no maps", async (t) => {
  const root = await temporaryFolder(t);
  const { folder } = await trained(root, "run", { report: false });
  await rm(folder.checkpoint);
  await rm(join(folder.path, "checkpoints"), { recursive: true });
  await reportRuns({ runs: [folder.path] }, openEngine);
  const [run] = (await read(folder.report)).runs;
  assert.match(run!.remarks.join(), /There are no heat maps: .*run/);
  assert.ok(run!.judgement!.unsure.every(({ picture, heat }) => picture && heat === undefined));
  // Nothing says which training images are most like them: the first of each class, as such.
  const { worst, samples } = run!.judgement!;
  for (const { like, top, truth } of worst)
    assert.ok(like === undefined && samples[top[0]![0]] && samples[truth]);
});

test("a run that is stopped while its report is made has one without heat maps, which says so", async (t) => {
  const root = await temporaryFolder(t);
  const stop = new AbortController();
  const event = (one: RunEvent) => {
    if (one.type === "note" && one.text === "Making the report") stop.abort();
  };
  const { folder } = await trained(root, "run", {}, { event, signal: stop.signal });
  const [run] = (await read(folder.report)).runs;
  assert.match(run!.remarks.join(), /Heat maps are missing: .*stopped/);
  assert.ok(run!.judgement!.unsure.every(({ picture, heat }) => picture && heat === undefined));
});

test("--no-report writes none", async (t) => {
  const { folder } = await trained(await temporaryFolder(t), "run", { report: false });
  assert.ok(await isThere(folder.result));
  assert.equal(await isThere(folder.report), false);
});

test("what goes wrong with a report is said, and the run is done all the same", async (t) => {
  const root = await temporaryFolder(t);
  await trained(root, "run", { steps: 3, report: false });
  await mkdir(join(root, "logs", "run", "report.html"));
  const { result, notes, folder } = await trained(root, "run", { steps: 6, force: true });
  assert.ok(result.validation !== undefined);
  assert.ok(await isThere(folder.result));
  assert.match(notes.join("\n"), /warning: There is no report: .*report\.html/);
});

test("an older run whose images are gone is reported on without pictures", async (t) => {
  const root = await temporaryFolder(t);
  const { folder } = await trained(root, "run", { report: false });
  await rm(join(root, "tiny"), { recursive: true });
  await reportRuns({ runs: [folder.path] }, openEngine);
  const [run] = (await read(folder.report)).runs;
  assert.match(run!.remarks.join(), /There are no pictures: .*tiny/);
  assert.equal(run!.judgement!.count, 15);
  assert.ok(run!.judgement!.unsure.every(({ picture }) => picture === undefined));
});

test("runs and official logs stand side by side, without an engine", async (t) => {
  const root = await temporaryFolder(t);
  const a = await trained(root, "a", { report: false });
  const b = await trained(root, "b", { report: false, baseLr: 0.002, steps: 4 });
  const log = fixturePath("train-logs", "paddle-cifar10.log");
  const out = join(root, "both.html");
  const runs = [a.folder.path, b.folder.path, log];
  assert.equal(await reportRuns({ runs, out }, noEngine), out);
  const [first, second, official] = (await read(out)).runs;
  assert.deepEqual([first!.settings["baseLr"], second!.settings["baseLr"]], ["0.001", "0.002"]);
  assert.equal(official!.settings["baseLr"], "0.001; from step 10000 on 0.003");
  assert.equal(official!.name, "paddle-cifar10.log");
  assert.equal(official!.final!.top1, 0.9732);
  assert.equal(first!.judgement!.count, 15);
  assert.deepEqual(first!.judgement!.worst, []);
  assert.equal(second!.final!.steps, 4);
});

test("the runs of a seeds' file count once each, and without any it is refused", async (t) => {
  const root = await temporaryFolder(t);
  const { folder } = await trained(root, "a_seed0", { report: false });
  const other = await trained(root, "a_seed1", { report: false, seed: 1 });
  const left = ["a_seed0", "a_seed1", "a_seed2"];
  const { summary } = seedsFiles(join(root, "logs"), "a");
  const told = summaryOf({ name: "a", runs: [], failed: [], left });
  await writeSeeds(summary, told);
  const out = join(root, "all.html");
  await reportRuns({ runs: [folder.path, summary], out }, noEngine);
  const { runs, repeats } = await read(out);
  assert.deepEqual(
    runs.map(({ name }) => name),
    ["a_seed0", "a_seed1"],
  );
  assert.deepEqual(repeats![0]!.runs, ["a_seed0", "a_seed1"]);

  for (const one of [folder, other.folder]) await rm(one.path, { recursive: true });
  const nothing = join(root, "nothing.html");
  await assert.rejects(
    reportRuns({ runs: [summary], out: nothing }, noEngine),
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /none of its 3 runs is beside it/);
      return true;
    },
  );
  assert.equal(await isThere(nothing), false);
});

test("a run under way is reported on as far as it is; what is no run is refused", async (t) => {
  const root = await temporaryFolder(t);
  const { folder } = await trained(root, "run", { report: false });
  await rm(folder.result);
  await reportRuns({ runs: [folder.path] }, noEngine);
  const [run] = (await read(folder.report)).runs;
  assert.deepEqual(run!.remarks, ["The run is not done: 6 of 6 steps."]);
  assert.equal(run!.judgement, undefined);

  const other = join(root, "words.txt");
  await writeFile(other, "no log at all\n");
  for (const [path, said] of [
    [other, /tells of no steps/],
    [join(root, "nothing"), /there is no run/],
    [root, /there is no run/],
  ] as const)
    await assert.rejects(reportRuns({ runs: [path] }, noEngine), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, said);
      return true;
    });
  // Before anything is looked at: the run's images would take long.
  for (const out of [join(root, "none", "a.html"), join(other, "a.html")])
    await assert.rejects(reportRuns({ runs: [folder.path], out }, noEngine), {
      ...{ name: "UserError", where: out },
    });
  await writeFile(join(root, "mine.html"), "mine");
  const out = join(root, "mine.html");
  await assert.rejects(reportRuns({ runs: [folder.path], out }, noEngine), UserError);
  assert.equal(await readFile(out, "utf8"), "mine");
});
