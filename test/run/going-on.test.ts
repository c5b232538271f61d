/** What a run asks of the command that goes on with it, and of processes that come at the same time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { listCheckpoints } from "../../src/checkpoint/checkpoint-folder.js";
import { findCheckpoint } from "../../src/checkpoint/find-checkpoint.js";
import { acquireLock } from "../../src/disk/file-lock.js";
import { UserError } from "../../src/errors.js";
import { readMetrics } from "../../src/record/metrics.js";
import { runFolder } from "../../src/record/run-folder.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { bmp, pattern, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { asEarlierVersion } from "./earlier-version.js";
import { observing, stoppingAfter } from "./observing.js";

let root: string;
let options: FineTuneOptions & { readonly dataset: string; readonly logdir: string };

/** Fine-tunes quietly. @returns what was said, and what came of it */
async function run(changes: Partial<FineTuneOptions>, stopAt = Number.POSITIVE_INFINITY) {
  const lines: string[] = [];
  const observer = stoppingAfter(stopAt, { line: (line) => lines.push(line) });
  const result = await fineTune({ ...options, ...changes }, engine, observer);
  return { ...result, lines };
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-going-on-test-"));
  options = {
    name: "begun",
    model: "R14x0.5",
    fromScratch: true,
    dataset: await writeTinyFolder(root),
    logdir: join(root, "logs"),
    batch: 8,
    batchSplit: 1,
    steps: 6,
    resolution: 40,
    crop: 32,
  };
  await run({}, 3);
});

after(() => rm(root, { recursive: true, force: true }));

/** A copy of the run that was begun, under another name. */
async function copyAs(name: string) {
  const folder = runFolder(options.logdir, name);
  await cp(runFolder(options.logdir, "begun").path, folder.path, { recursive: true });
  return folder;
}

async function firstLossOf(name: string): Promise<number> {
  const text = await readFile(runFolder(options.logdir, name).metrics, "utf8");
  const first = readMetrics(text.slice(0, text.indexOf("\n")));
  assert.ok(first !== undefined && "step" in first && first.loss !== null);
  return first.loss;
}

async function refused(changes: Partial<FineTuneOptions>, message: RegExp): Promise<void> {
  await assert.rejects(run(changes), (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("another length is refused, and the command that trains on from the run does", async () => {
  const { path } = await copyAs("short");
  const name = "short";
  const told = await run({ name, steps: 9 }).then(
    () => assert.fail(),
    (error: unknown) => (error as UserError).nextStep,
  );
  assert.ok(told.includes(`--weights ${path} instead of --from_scratch and --name short_longer`));
  assert.match(told, /by the schedule of 9 steps.*add --force;.*its own 6 steps: --steps 6/);
  const longer = await run({
    ...{ name: "short_longer", steps: 9, fromScratch: false, model: undefined, weights: path },
  });
  assert.equal(longer.steps, 9);
  assert.ok(
    longer.lines.includes(`Fine-tuning from ${join(path, "checkpoint.npz")}, with a new head`),
  );
  const guess = Math.log(3);
  assert.ok(Math.abs((await firstLossOf("short_longer")) - guess) < 1e-3, "a new head guesses");
  // As a run that was stopped, it is still there to go on; or, by the other schedule, with --force.
  assert.equal((await run({ name })).steps, 6);
  const forced = await run({ name, steps: 9, force: true });
  assert.deepEqual([forced.steps, forced.config.schedule], [9, [2, 4, 5, 7, 9]]);
  assert.ok(forced.lines.includes("Resumed at step 6"));
});

test("a run that is done says so, and computes nothing again unless that is asked for", async () => {
  const name = "finished";
  const folder = await copyAs(name);
  const first = await run({ name });
  const kept = [folder.result, folder.predictions, folder.report, folder.metrics];
  const bytes = () => Promise.all(kept.map((path) => readFile(path)));
  const before = await bytes();
  const again = await run({ name });
  assert.deepEqual(await bytes(), before);
  assert.equal(again.lines.length, 1, again.lines.join("\n"));
  assert.match(
    again.lines[0]!,
    /^Already done: 6 of 6 steps; .*result\.json\. To train further, give bit-train a larger --steps and --force; for another run, from this one's network with a new head, also where the classes are the same: --weights .* instead of --from_scratch and another --name$/,
  );
  for (const key of ["validation", "best", "steps", "saved"] as const)
    assert.deepEqual(again[key], first[key], key);
  await refused({ name, seed: 1 }, /--seed was 0, is now 1/);
  const evaluated = ({ lines }: { readonly lines: readonly string[] }) =>
    lines.includes("Resumed at step 6") && lines.some((line) => line.startsWith("Report: "));
  assert.ok(evaluated(await run({ name, force: true })));
  for (const path of [folder.result, folder.predictions, folder.report]) {
    await rm(path);
    assert.ok(evaluated(await run({ name })), `without ${path}`);
    await readFile(path);
  }
  await writeFile(folder.result, "{");
  assert.ok(evaluated(await run({ name })), "a damaged result.json");
  // No report is missed that is not asked for.
  await rm(folder.report);
  assert.equal((await run({ name, report: false })).lines.length, 1);
});

test("a run that was trained further has no report of its earlier end", async () => {
  const name = "further";
  const { report } = await copyAs(name);
  await run({ name });
  const before = await readFile(report, "utf8");
  const longer = { name, steps: 7 };
  await run({ ...longer, force: true, report: false });
  const { lines } = await run(longer);
  assert.ok(lines.includes(`Report: ${report}`), lines.join("\n"));
  assert.notEqual(await readFile(report, "utf8"), before);
});

for (const [changes, message] of [
  [{ labelSmoothing: 0.1 }, /--label_smoothing was 0, is now 0\.1/],
  [{ classWeights: "balanced" }, /--class_weights was none, is now "balanced"/],
  [{ flip: false }, /--flip was true, is now false/],
] as const)
  test(`${Object.keys(changes)} is part of a run: another is refused, none is as before`, async () => {
    const name = Object.keys(changes).join();
    const folder = await copyAs(name);
    await refused({ name, ...changes }, message);
    // An earlier version knew of none of them.
    const {
      labelSmoothing: _,
      flip: __,
      ...early
    } = JSON.parse(await readFile(folder.config, "utf8"));
    await writeFile(folder.config, JSON.stringify(early));
    await refused({ name, ...changes }, message);
    assert.equal((await run({ name, labelSmoothing: 0 })).steps, 6);
  });

test("settings that change the result are listed and refused; --force goes on with them", async () => {
  const name = "forced";
  const folder = await copyAs(name);
  const changes = { name, baseLr: 0.01, seed: 1 };
  await refused(
    changes,
    /--seed was 0, is now 1; --base_lr was 0\.003, is now 0\.01[\s\S]*--force/,
  );
  await rm(folder.config);
  await refused(changes, /config\.json is missing/);
  const { lines, steps } = await run({ ...changes, force: true });
  assert.equal(steps, 6);
  assert.ok(lines.some((line) => line.startsWith("Going on all the same (--force): ")));
});

test("no force goes on with another network, and the run is as it was", async (t) => {
  const name = "other-network";
  const folder = await copyAs(name);
  await run({ name });
  const files = [folder.config, folder.result, folder.predictions];
  const bytes = () => Promise.all(files.map((path) => readFile(path, "utf8")));
  const before = await bytes();
  const two = join(await temporaryFolder(t), "two");
  await cp(options.dataset, two, { recursive: true });
  for (const part of ["train", "val"]) await rm(join(two, part, "red"), { recursive: true });
  for (const [changes, message] of [
    [{ model: "R26x1" }, /--model was "R14x0\.5", is now "R26x1"/],
    [{ dataset: two }, /: --dataset was .*two"; the classes were 3 .*, are now 2 \(/],
  ] as const)
    await refused({ name, steps: 8, force: true, ...changes }, message);
  assert.deepEqual(await bytes(), before);
});

test("other data are refused; moved data, workers, cache and saving are free", async () => {
  const name = "data";
  await copyAs(name);
  const moved = join(root, "moved");
  await cp(options.dataset, moved, { recursive: true });
  const free = { name, dataset: moved, workers: 1, cache: true, saveEvery: 2, keep: 5 };
  const { steps, lines } = await run(free, 4);
  assert.equal(steps, 4);
  const listed = lines.find((line) => line.startsWith("Changed, but not the result: "));
  for (const change of [`--dataset was "${options.dataset}`, "--cache was false, is now true"])
    assert.ok(listed?.includes(change), `${change}: ${listed}`);
  assert.match(listed!, /; --save_every was none, is now 2; --keep was 2, is now 5/);
  await writeFile(join(moved, "train", "red", "0.bmp"), bmp(pattern(0, 0, 41, 36), 41, 36));
  await refused(free, /the images are not those of the beginning/);
  await cp(join(moved, "train", "red", "1.bmp"), join(moved, "train", "blue", "0.5.bmp"));
  await refused(
    free,
    /: the number of training images was 24, is now 25[\s\S]*the images' labels[\s\S]*give the former ones;/,
  );
  const elsewhere = join(root, "elsewhere");
  await cp(moved, elsewhere, { recursive: true });
  const other = await run({ ...free, dataset: elsewhere }).then(
    () => assert.fail(),
    (error: unknown) => error as UserError,
  );
  const first = `holds a run with other settings: --dataset was "${moved}", is now "${elsewhere}"; the number of training images`;
  assert.ok(other.got.startsWith(first), other.got);
  assert.equal(
    other.nextStep,
    "for a new run with these, choose another --name, such as --name data_2; to go on with this one, " +
      `give --dataset ${moved}; --force goes on with it all the same`,
  );
});

test("images replaced by others of the same names and sizes are noticed", async () => {
  const name = "replaced";
  const folder = await copyAs(name);
  const replaced = join(root, "replaced-images");
  await cp(options.dataset, replaced, { recursive: true });
  const changes = { name, dataset: replaced };
  await writeFile(join(replaced, "val", "red", "9.bmp"), bmp(pattern(2, 99, 40, 36), 40, 36));
  await refused(changes, /images of the same names and sizes hold other bytes[\s\S]*--force/);
  // What a run of an earlier version has not written down is not held against it.
  const config = JSON.parse(await readFile(folder.config, "utf8"));
  assert.match(config.data.contents, /^[0-9a-f]{64}$/);
  delete config.data.contents;
  await writeFile(folder.config, JSON.stringify(config));
  assert.equal((await run(changes, 4)).steps, 4);
  await refused({ name }, /images of the same names and sizes hold other bytes/);
});

test("a run of an earlier version, with its momentum in checkpoint.npz, goes on to the same end", async () => {
  const name = "one-archive";
  const folder = await copyAs(name);
  await asEarlierVersion(folder);
  assert.equal((await findCheckpoint(folder))?.manifest?.version, 1);
  const [whole, resumed] = [await run({ name: "unbroken" }), await run({ name })];
  assert.ok(resumed.lines.includes("Resumed at step 3"));
  for (const file of ["checkpoint", "best"] as const) {
    const [a, b] = [whole, resumed].map(({ folder }) => readFile(folder[file]));
    assert.deepEqual(await b, await a, file);
  }
  assert.equal((await findCheckpoint(folder))?.manifest?.version, 2);
});

test("without checkpoints/, checkpoint.npz alone is not gone on from: it holds no momentum", async () => {
  const name = "archive-alone";
  const folder = await copyAs(name);
  await rm(folder.checkpoints, { recursive: true });
  const end = [folder.result, folder.predictions, folder.report];
  for (const path of end) await writeFile(path, "of its end");
  await refused({ name }, /lacks \d+ arrays of the optimizer[\s\S]*bring checkpoints\/ back/);
  // What is refused takes nothing away.
  for (const path of end) assert.equal(await readFile(path, "utf8"), "of its end");
});

test("a run of an earlier version, with nothing but checkpoint.npz, goes on to the same end", async () => {
  const name = "earlier";
  const folder = await copyAs(name);
  await asEarlierVersion(folder);
  await rm(folder.checkpoints, { recursive: true });
  const { version, data, keep, ...config } = JSON.parse(await readFile(folder.config, "utf8"));
  await writeFile(folder.config, JSON.stringify(config));
  const [whole, resumed] = [await run({ name: "whole" }), await run({ name })];
  assert.ok(resumed.lines.includes("Resumed at step 3"));
  const [a, b] = [whole, resumed].map(({ folder: { checkpoint } }) => readFile(checkpoint));
  assert.deepEqual(await b, await a);
  const result = JSON.parse(await readFile(folder.result, "utf8"));
  assert.deepEqual(result.best, { step: 6, top1: resumed.validation!.top1 });
  assert.equal(result.version, 1);
});

test("a damaged config.json is to be removed by itself, and the run goes on without it", async () => {
  const name = "damaged";
  const folder = await copyAs(name);
  await writeFile(folder.config, "{");
  await refused({ name }, /config\.json: is no JSON object[\s\S]*remove \S*config\.json alone/);
  await rm(folder.config);
  const { lines } = await run({ name }, 4);
  assert.ok(lines.includes("Resumed at step 3"));
});

test("a config.json of a newer version is refused by name", async () => {
  const name = "newer";
  const folder = await copyAs(name);
  const config = JSON.parse(await readFile(folder.config, "utf8"));
  await writeFile(folder.config, JSON.stringify({ ...config, version: 9 }));
  await refused({ name }, /config\.json: has format version 9/);
});

test("a run that another process is at work on is refused, with that process and its host", async (t) => {
  const name = "locked";
  const folder = await copyAs(name);
  const lock = await acquireLock(join(folder.path, "run"), { purpose: "training this run" });
  // By its folder, which is there: `<run>/run` is the lock's name alone.
  const told = `^${folder.path}: process ${process.pid} is training this run`;
  await refused({ name }, new RegExp(`${told}[\\s\\S]* on \\S+ has ended`));
  await lock.release();

  const module = new URL("../../src/disk/file-lock.js", import.meta.url);
  const script = `
    import { acquireLock } from ${JSON.stringify(module)};
    await acquireLock(process.argv[1], { purpose: "training this run" });
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const args = ["--input-type=module", "-e", script, join(folder.path, "run")];
  const other = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => other.kill("SIGKILL"));
  await new Promise((resolve) => other.stdout.once("data", resolve));
  await refused({ name }, new RegExp(`process ${other.pid} is training this run`));
  other.kill("SIGKILL");
  await new Promise((resolve) => other.once("exit", resolve));
  assert.equal((await run({ name }, 4)).steps, 4, "a dead process's lock is taken over");
});

test("a diverging run stops, says what to try, and saves nothing that is broken", async () => {
  const lines: string[] = [];
  const changes = { ...options, name: "diverges", baseLr: 1e30, steps: 20, saveEvery: 1 };
  await assert.rejects(
    fineTune(changes, engine, observing({ line: (line) => lines.push(line) })),
    (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, /training has diverged[\s\S]*--base_lr/);
      return true;
    },
  );
  const { checkpoint, metrics } = runFolder(options.logdir, "diverges");
  const steps = (await readFile(metrics, "utf8")).trimEnd().split("\n").length;
  assert.ok(steps < 10, `${steps} steps`);
  await readFile(checkpoint);
});

test("a run without a checkpoint begins anew where it can have had none, and says so", async () => {
  const name = "early";
  const changes = { name, saveEvery: 2, evalEvery: 3 };
  const folder = runFolder(options.logdir, name);
  await run(changes, 3);
  const removed = async () => {
    for (const path of [folder.checkpoints, folder.checkpoint]) await rm(path, { recursive: true });
  };
  await removed();
  const begun = await run(changes, 4);
  const anew = "The run has made 3 steps and has no checkpoint: it begins anew";
  assert.equal(
    begun.lines.find((line) => line.startsWith("The run has")),
    anew,
  );
  assert.equal(begun.steps, 4);

  await removed();
  const lost = /has made 4 steps, but no checkpoint of it[\s\S]*--force begins anew/;
  await refused({ ...changes, seed: 1 }, lost);
  assert.equal((await readFile(folder.metrics, "utf8")).match(/"step"/g)?.length, 4, "kept");
  const forced = await run({ ...changes, seed: 1, force: true }, 2);
  assert.ok(
    forced.lines.some((line) => line.includes("under other settings: --seed was 0, is now 1")),
  );

  const unsaved = { ...changes, saveEvery: undefined, save: false };
  const whole = await run({ ...unsaved, seed: 1 });
  assert.equal(whole.steps, 6);
  await removed();
  await refused({ ...changes, seed: 1 }, /holds a run that is done, but no checkpoint of it/);
  await run({ ...changes, seed: 1, force: true }, 1);
  await assert.rejects(readFile(folder.result), /ENOENT/, "the earlier run's");
});

test("a dataset's file that vanishes in the middle of a run is named; the run goes on once it is back", async () => {
  const name = "vanishes";
  const dataset = join(root, "vanishing");
  await cp(options.dataset, dataset, { recursive: true });
  const file = join(dataset, "train", "green", "2.bmp");
  const bytes = await readFile(file);
  const changes = { ...options, name, dataset, steps: 40, saveEvery: 2 };
  const vanishes = fineTune(changes, engine, {
    event: (event) => {
      if (event.type === "step" && event.step === 5) rmSync(file);
    },
  });
  await assert.rejects(vanishes, (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.where, file);
    return true;
  });
  await writeFile(file, bytes);
  const { steps, lines } = await run({ name, dataset, steps: 40, saveEvery: 2 }, 30);
  assert.equal(steps, 30);
  const resumed = lines.find((line) => line.startsWith("Resumed at step "));
  assert.ok(Number(resumed?.split(" ").at(-1)) >= 4, resumed);
});

test("a stop while a checkpoint is written waits for it, and saves the last step too", async () => {
  const { folder, steps, saved } = await run({ name: "saving", saveEvery: 2 }, 3);
  assert.deepEqual([steps, saved], [3, 3]);
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [3, 2]);
  assert.equal((await findCheckpoint(folder, (line) => assert.fail(line)))?.manifest?.steps, 3);
});
