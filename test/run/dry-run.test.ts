/** A dry run tells what the run then is, and leaves no file. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunObserver } from "../../src/record/run-events.js";
import { dryRun } from "../../src/run/dry-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { sampleModel } from "../../src/run/sample-model.js";
import { bitTrain, runHere } from "../cli/command.js";
import { tinyFlags, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { repositoryRoot } from "../fixture-path.js";

test("a dry run tells the run's plan and time, and writes nothing", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const before = await readdir(root, { recursive: true });
  const logdir = join(root, "logs");
  const options: FineTuneOptions = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset, logdir, batch: 8 },
    ...{ batchSplit: 4, steps: 6, resolution: 40, crop: 32, precision: "fp32", evalEvery: 3 },
  };
  const { lines, config, ...found } = await dryRun(options, engine);
  assert.deepEqual(await readdir(root, { recursive: true }), before);

  assert.deepEqual(found.classes, [
    { name: "blue", train: 8, val: 5 },
    { name: "green", train: 8, val: 5 },
    { name: "red", train: 8, val: 5 },
  ]);
  assert.equal(found.measured.steps, 3);
  const { stepMs, evaluationMs } = found.measured;
  assert.ok(Math.abs(found.remainingMs - (6 * stepMs + 2 * evaluationMs!)) < 1e-6);
  // The two newest, the best and the next; four bytes of each variable and of its momentum.
  assert.equal(found.needs.diskBytes, 4 * 8 * found.needs.parameters);

  const told: string[] = [];
  const run = await fineTune(options, engine, {
    event: (event) => {
      if (event.type === "note") told.push(event.text);
    },
  });
  assert.deepEqual(run.config, config);
  // What is free differs from one moment to the next; all the plan's other words are the run's own.
  const plain = (line: string) => line.replace(/ of [\d.]+ [GM]B free/g, "");
  const said = told.map(plain);
  const planned = lines.filter((line) => !line.includes("will take")).map(plain);
  // By what convolutions are computed is a line of its own on some processors.
  assert.equal(planned.filter((line) => !line.startsWith("Convolutions of ")).length, 7);
  for (const line of planned) assert.ok(said.includes(line), line);
  assert.equal(said.filter((line) => /^2 more steps will take about/.test(line)).length, 1);

  const again = await dryRun(options, engine);
  assert.equal(again.done, 6);
  // Nothing of it is left: as the run itself would say.
  assert.equal(again.remainingMs, 0);
  assert.match(again.lines.at(-1)!, /^Already done: 6 of 6 steps; /);
  assert.ok(!again.lines.some((line) => line.includes("would go on")));
  const forced = await dryRun({ ...options, force: true }, engine);
  assert.ok(
    forced.remainingMs > 0 && forced.lines.includes("The run is there, and would go on at step 6"),
  );
});

test("many short batches of an evaluation are not each foreseen with a beginning of their own", async (t) => {
  const options: FineTuneOptions = {
    ...{ name: "short", model: sampleModel, dataset: "sample", logdir: await temporaryFolder(t) },
    ...{ batch: 1, steps: 1, resolution: 36, crop: 32, precision: "fp32", report: false },
  };
  const { evaluationMs } = (await dryRun(options, engine)).measured;
  let [begun, ended] = [0, 0];
  await fineTune(options, engine, {
    event: ({ type }) => {
      if (type === "step") begun = performance.now();
      if (type === "validation") ended = performance.now();
    },
  });
  const takenMs = ended - begun;
  t.diagnostic(`${evaluationMs!.toFixed(0)} ms foreseen, ${takenMs.toFixed(0)} ms taken`);
  assert.ok(evaluationMs! < 10 * takenMs);
});

test("--dry_run tells it in lines, and as JSON", async (t) => {
  const root = await temporaryFolder(t);
  const flags = [...tinyFlags(await writeTinyFolder(root), join(root, "logs")), "--dry_run"];
  const { code, stdout, stderr } = await runHere(bitTrain, [...flags, "--steps", "100000"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /100000 steps will take about .* by 3 timed steps/);
  // On a CPU, what takes over a minute has a command that takes less.
  assert.match(stdout, /npx bit-train --model R14x0.5 .*--from_scratch.* --steps 10000 /);
  assert.match(stdout, /Nothing was written/);
  assert.match(stderr, /^Timing a few steps \.\.\.$/m);
  const json = await runHere(bitTrain, [...flags, "--steps", "4", "--json"]);
  assert.equal(json.code, 0, json.stderr);
  const { classes, needs, measured } = JSON.parse(json.stdout);
  assert.equal(classes.length, 3);
  assert.ok(needs.memoryBytes > 0 && measured.stepMs > 0);
  assert.deepEqual(await readdir(root), ["tiny"]);
});

test("data and plan are told before steps are timed, their time after", async (t) => {
  const root = await temporaryFolder(t);
  const flags = [...tinyFlags(await writeTinyFolder(root), join(root, "logs")), "--dry_run"];
  const of = async (options: FineTuneOptions) => {
    const order: string[] = [];
    const event: RunObserver["event"] = (one) => {
      if (one.type === "note" && one.text.startsWith("Timing")) order.push(one.text);
    };
    const tell = (line: string) => order.push(line);
    const { lines } = await dryRun(options, engine, { event }, { tell });
    const at = order.indexOf("Timing a few steps ...");
    assert.deepEqual(order.toSpliced(at, 1), lines);
    return { before: order.slice(0, at).join("\n"), after: order.slice(at + 1).join("\n") };
  };
  const options: FineTuneOptions = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset: join(root, "tiny") },
    ...{ logdir: join(root, "logs"), batch: 8, resolution: 40, crop: 32, precision: "fp32" },
  };
  const whole = await of({ ...options, steps: 6 });
  assert.match(
    whole.before,
    /training set with 24 images[\s\S]*6 steps of 8 images[\s\S]*of memory/,
  );
  assert.match(whole.after, /^6 steps will take about [^\n]*$/);
  // Its length is known once steps are timed.
  const limited = await of({ ...options, maxMinutes: 60 });
  assert.match(limited.before, /training set with 24 images/);
  assert.match(limited.after, /^all 500 steps [^\n]* fit 60 minutes[\s\S]*500 steps of 8 images/);
  // On the command line, with what the engine is first, and each line once.
  const { stdout } = await runHere(bitTrain, [...flags, "--steps", "4", "--seeds", "2"]);
  const said = stdout.trimEnd().split("\n");
  assert.equal(new Set(said).size, said.length, stdout);
  assert.match(stdout, /^[^\n]*\n2 runs, [\s\S]*\nOf \S*_seed0:\n[\s\S]*will take[\s\S]*in all/);
});

test("whatever a run would refuse is refused before steps are timed", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const file = join(root, "file");
  await writeFile(file, "");
  const options = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset, logdir: join(root, "logs") },
    ...{ batch: 8, resolution: 40, crop: 32, precision: "fp32" as const },
  };
  for (const limit of [{}, { maxMinutes: 1 }]) {
    const cases: readonly [changes: Partial<FineTuneOptions>, said: RegExp][] = [
      [{ dataset: join(root, "nothing") }, /neither a known dataset nor a folder/],
      [{ logdir: file }, /file\/tiny: cannot be written to \(ENOTDIR\)/],
      [{ logdir: join(file, "below") }, /below\/tiny: cannot be written to \(ENOTDIR\)/],
      [{ batchSplit: 3 }, /--batch_split: 3 does not divide/],
      [{ fromScratch: false }, /no published model has this name/],
    ];
    for (const [changes, said] of cases) {
      const notes: string[] = [];
      const event: RunObserver["event"] = (one) => {
        if (one.type === "note") notes.push(one.text);
      };
      const asked = { ...options, ...limit, ...changes };
      const refused = { name: "UserError", message: said };
      await assert.rejects(dryRun(asked, engine, { event }), refused);
      await assert.rejects(fineTune(asked, engine, { event }), refused);
      assert.ok(!notes.some((text) => text.includes("Timing")), notes.join("\n"));
    }
  }
  assert.deepEqual((await readdir(root)).sort(), ["file", "tiny"]);
});

test("an image that proves damaged while steps are timed is named", async (t) => {
  const root = await temporaryFolder(t);
  const sample = join(repositoryRoot, "sample", "images");
  const dataset = join(root, "photos");
  for (const part of ["train", "val"])
    for (const name of ["coat", "dress"])
      await cp(join(sample, part, name), join(dataset, part, name), { recursive: true });
  const [first] = (await readdir(join(dataset, "train", "coat"))).sort();
  const damaged = join(dataset, "train", "coat", first!);
  const bytes = await readFile(damaged);
  // Header and end stay as they were: only decoding tells.
  const pixels = bytes.indexOf("IDAT") + 20;
  bytes.set([bytes[pixels]! ^ 255], pixels);
  await writeFile(damaged, bytes);
  const options: FineTuneOptions = {
    ...{ model: sampleModel, dataset, logdir: join(root, "logs"), batch: 10 },
    ...{ resolution: 36, crop: 32, precision: "fp32" },
  };
  const named = { name: "UserError", where: damaged, message: /--bad_images skip/ };
  await assert.rejects(dryRun(options, engine), named);
  await assert.rejects(dryRun({ ...options, freeze: true, resolution: undefined }, engine), named);
  await assert.rejects(fineTune({ ...options, maxMinutes: 1 }, engine), named);
});

test("a dry run tells what would be fetched, and fetches nothing", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const weights = { model: "BiT-M-R50x1", bitPretrainedDir: root };
  const size = { batch: 1, resolution: 40, crop: 32, steps: 2 };
  const { lines } = await dryRun({ ...weights, ...size, dataset, logdir: root }, engine);
  assert.match(lines[0]!, /^The run will download BiT-M-R50x1 \(273 MB\)/);
  assert.deepEqual(await readdir(root), ["tiny"]);
  await assert.rejects(
    dryRun({ ...weights, ...size, dataset: "dtd", datadir: root }, engine),
    /no dtd there, and nothing is fetched with --offline or --dry_run/,
  );
});
