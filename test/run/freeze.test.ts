/** `--freeze`: a run that trains the head alone, which is a run as any other in all that it leaves. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { UserError } from "../../src/errors.js";
import { isOfHead, parseArchitecture } from "../../src/model/architecture.js";
import type { FineTuneResult, RunEvent } from "../../src/record/run-events.js";
import { dryRun } from "../../src/run/dry-run.js";
import { evaluateRun } from "../../src/run/evaluate-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import { requireFeatureMemory } from "../../src/run/frozen-choices.js";
import { haveSameBody } from "../../src/run/frozen-features.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { arraysByName } from "../archive/read-arrays.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { soundJpeg, torn } from "../input/torn-jpegs.js";
import { stoppingAfter } from "./observing.js";
import { metricsOf } from "./tiny-training.js";

const former = process.env["BIT_CACHE"];
let root: string;
let options: FineTuneOptions;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  process.env["BIT_CACHE"] = join(root, "cache");
  const weights = join(root, "body.npz");
  await copyFile(sampleWeights(), weights);
  const dataset = await writeTinyFolder(root);
  options = {
    ...{ model: "R14x0.5", weights, dataset, freeze: true, batch: 8, steps: 12, crop: 32 },
    ...{ precision: "fp32", evalEvery: 4, report: false, tensorboard: false },
  };
});

after(async () => {
  await rm(root, { recursive: true, force: true });
  if (former === undefined) delete process.env["BIT_CACHE"];
  else process.env["BIT_CACHE"] = former;
});

interface Trial {
  readonly changes?: Partial<FineTuneOptions>;
  /** Steps after which the run is interrupted. */
  readonly stopAt?: number;
  readonly told?: RunEvent[];
}

/** A run called `tiny` in a folder of its own, or what is left of it. */
function tuned(logs: string, { changes, stopAt, told }: Trial = {}): Promise<FineTuneResult> {
  const wishes = { ...options, name: "tiny", logdir: join(root, logs), ...changes };
  const observer = stoppingAfter(stopAt ?? Number.POSITIVE_INFINITY);
  return fineTune(wishes, engine, {
    ...observer,
    event: (event) => {
      told?.push(event);
      observer.event(event);
    },
  });
}

const notes = (told: readonly RunEvent[]) =>
  told.flatMap((event) => (event.type === "note" ? [event.text] : []));

test("the checkpoint is a whole model, whose body is the weights' to the bit", async () => {
  const told: RunEvent[] = [];
  const { folder, config, validation } = await tuned("whole", { told });
  const [weights, saved] = [
    await arraysByName(sampleWeights()),
    await arraysByName(folder.checkpoint),
  ];
  for (const [name, { data }] of weights)
    if (!isOfHead({ name })) assert.deepEqual(saved.get(name)!.data, data, name);
  const kernel = saved.get("resnet/head/conv2d/kernel")!;
  assert.deepEqual(kernel.shape, [1, 1, 1024, 3]);
  assert.ok((kernel.data as Float32Array).some((value) => value !== 0));
  const newest = (await readdir(folder.checkpoints)).sort().at(-1)!;
  const optimizer = await arraysByName(join(folder.checkpoints, newest, "optimizer.npz"));
  assert.deepEqual([...optimizer.keys()].filter((name) => name.startsWith("momentum/")).sort(), [
    "momentum/resnet/head/conv2d/bias",
    "momentum/resnet/head/conv2d/kernel",
  ]);

  const { freeze, baseLr, resolution, mixupAlpha, split } = config;
  assert.deepEqual(
    { freeze, baseLr, resolution, mixupAlpha, split },
    {
      ...{ freeze: true, baseLr: 0.1, mixupAlpha: undefined, split: 1 },
      resolution: { precrop: 32, crop: 32 },
    },
  );
  // Every image is seen once, and the bar is told of all of them.
  const passes = told.flatMap((event) => (event.type === "features" ? [event] : []));
  assert.deepEqual(passes.at(-1), { type: "features", done: 39, total: 39 });
  const lines = notes(told).join("\n");
  assert.match(lines, /on features of whole images resized to 32, no augmentation, no mixup/);
  assert.match(lines, /the head alone is trained, 3075 parameters/);
  assert.match(lines, /Learning rate 0\.1, after/);
  assert.equal((await readFile(folder.predictions, "utf8")).trimEnd().split("\n").length, 1 + 15);
  assert.equal(validation!.count, 15);
});

for (const precision of ["fp32", "bf16"] as const)
  test(`bit-eval finds what the run found on features, in ${precision}`, async () => {
    const { folder, validation } = await tuned(`eval-${precision}`, { changes: { precision } });
    const report = await evaluateRun({ source: folder.path }, engine);
    assert.equal(report.top1, validation!.top1);
    assert.equal(report.top5, validation!.top5);
    // Rounding: the same network, computed for another number of images at a time.
    const difference = Math.abs(report.loss - validation!.loss);
    assert.ok(difference <= 1e-5 * validation!.loss, `${report.loss}, ${validation!.loss}`);
  });

test("a run that stops and goes on ends as one that does not, to the bit", async () => {
  const whole = await tuned("whole");
  const expected = await readFile(whole.folder.checkpoint);
  for (const stopAt of [3, 8]) {
    const { steps, validation } = await tuned("parts", { stopAt });
    assert.deepEqual([steps, validation], [stopAt, undefined]);
  }
  // The weights tell which features are kept: none is made again.
  const told: RunEvent[] = [];
  const last = await tuned("parts", { told });
  assert.ok(told.every(({ type }) => type !== "features"));
  assert.deepEqual(await readFile(last.folder.checkpoint), expected);
  assert.deepEqual(last.validation, whole.validation);
  const rows = await metricsOf(whole.folder.metrics);
  assert.deepEqual(await metricsOf(last.folder.metrics), rows);
});

test("features are of the run's own body, though its weights are gone or are others now", async () => {
  const { folder } = await tuned("whole");
  const expected = await arraysByName(folder.checkpoint);
  const architecture = parseArchitecture("R14x0.5");
  for (const what of ["gone", "others"]) {
    const weights = join(root, `${what}.npz`);
    await copyFile(sampleWeights(), weights);
    const changes = { weights };
    await tuned(what, { changes, stopAt: 5 });
    if (what === "gone") await rm(weights);
    else {
      const arrays = await arraysByName(weights);
      const gamma = arrays.get("resnet/group_norm/gamma")!;
      (gamma.data as Float32Array)[0]! += 0.25;
      await writeNpz(
        weights,
        [...arrays].map(([name, array]) => ({ name, array })),
      );
      assert.equal(await haveSameBody(weights, sampleWeights(), architecture), false);
    }
    const told: RunEvent[] = [];
    const last = await tuned(what, { changes, told });
    // Both have the same checkpoint, by which the second finds what the first one kept.
    if (what === "gone")
      assert.match(notes(told).join("\n"), /training images are made again: they may differ/);
    const arrays = await arraysByName(last.folder.checkpoint);
    for (const [name, { data, shape }] of expected)
      if (shape.length > 0 && name.startsWith("resnet/"))
        assert.deepEqual(arrays.get(name)!.data, data, `${what}: ${name}`);
  }
  assert.equal(await haveSameBody(folder.checkpoint, sampleWeights(), architecture), true);
});

test("what says nothing beside a frozen body is refused", async () => {
  for (const [changes, where] of [
    [{ fromScratch: true, weights: undefined }, "--from_scratch"],
    [{ cache: true }, "--cache"],
    [{ remat: true }, "--remat"],
    [{ resolution: 40 }, "--resolution 40"],
    [{ flip: false }, "--no-flip"],
  ] as const) {
    const logdir = join(root, "refused");
    await assert.rejects(tuned("refused", { changes }), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.where, where);
      return true;
    });
    await assert.rejects(readdir(logdir), `${where} leaves nothing`);
  }
});

test("labels are smoothed, and classes weighted, as of a whole network", async () => {
  const lossOf = async (name: string, changes: Partial<FineTuneOptions>) => {
    const told: RunEvent[] = [];
    await tuned(name, {
      changes: { steps: 200, batch: 64, evalEvery: undefined, ...changes },
      told,
    });
    return told.flatMap((event) => (event.type === "step" ? [event.loss] : [])).at(-1)!;
  };
  assert.ok((await lossOf("plain", {})) < 0.05);
  // What the smoothed labels' own entropy leaves: 0.2911 nats of three classes.
  const smoothed = await lossOf("smoothed", { labelSmoothing: 0.1, classWeights: "balanced" });
  assert.ok(smoothed > 0.291 && smoothed < 0.35, String(smoothed));
});

test("a run goes on with what it trains, by force too, and is as it was where that is refused", async () => {
  const { folder } = await tuned("whole");
  const files = [folder.config, folder.result, folder.predictions];
  const bytes = () => Promise.all(files.map((path) => readFile(path, "utf8")));
  const before = await bytes();
  const thawed = { freeze: false, crop: 32, resolution: 32, baseLr: 0.1, steps: 20 };
  for (const force of [false, true])
    await assert.rejects(tuned("whole", { changes: { ...thawed, force } }), (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.got, /--freeze was true, is now false/);
      assert.doesNotMatch(error.nextStep, /--force/);
      return true;
    });
  assert.deepEqual(await bytes(), before);
  // There is momentum of the head in a whole network's.
  const { folder: unfrozen } = await tuned("other-way", { changes: { ...thawed, steps: 4 } });
  const frozen = await tuned("other-way", { changes: { force: true } });
  assert.deepEqual([frozen.folder.path, frozen.steps], [unfrozen.path, 12]);
});

test("features for which there is no memory are refused before they are made", () => {
  const architecture = parseArchitecture("R50x1");
  const images = 1_000_000; // 8.192 GB
  const refused = (device: number | undefined, hostBytes: number) =>
    assert.throws(
      () => requireFeatureMemory(architecture, images, { deviceMemoryBytes: device }, hostBytes),
      /the features of 1000000 images take 8\.19 GB/,
    );
  refused(undefined, 16e9);
  refused(80e9, 8e9);
  refused(8e9, 64e9);
  requireFeatureMemory(architecture, images, { deviceMemoryBytes: undefined }, 17e9);
  requireFeatureMemory(architecture, images, { deviceMemoryBytes: 10e9 }, 9e9);
});

test("a dry run tells the time of features and steps, and keeps nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const logdir = join(folder, "logs");
  process.env["BIT_CACHE"] = join(folder, "cache");
  t.after(() => {
    process.env["BIT_CACHE"] = join(root, "cache");
  });
  const { lines, config, measured, remainingMs, needs } = await dryRun(
    { ...options, logdir },
    engine,
  );
  assert.deepEqual(await readdir(folder), []);
  const [line] = lines.filter((each) => each.includes("12 steps will take"));
  assert.match(line!, /after about .* for the features of all images, unless these are kept$/);
  const { stepMs, evaluationMs, featuresMs } = measured;
  assert.ok(Math.abs(remainingMs - (featuresMs! + 12 * stepMs + 3 * evaluationMs!)) < 1e-6);
  assert.deepEqual([config.freeze, config.baseLr], [true, 0.1]);
  // Every variable, and the momentum of the head's.
  const head = 1024 * 3 + 3;
  assert.equal(needs.diskBytes, 4 * 4 * (needs.parameters + head));
});

test("a stop while features are made leaves a run that begins", async () => {
  const stop = new AbortController();
  const wishes = { ...options, name: "tiny", logdir: join(root, "stopped"), crop: 30 };
  const reason = new Error("stopped");
  const event = ({ type }: RunEvent) => type === "features" && stop.abort(reason);
  const stopped = fineTune(wishes, engine, { event, signal: stop.signal });
  await assert.rejects(stopped, (error) => error === reason);
  const { steps } = await fineTune(wishes, engine);
  assert.equal(steps, 12);
});

test("an image that cannot be decoded is named, and no step is made", {
  skip: !engine.target.native.host,
}, async () => {
  const dataset = await writeTinyFolder(join(root, "damaged"));
  const path = join(dataset, "val/red/torn.jpg");
  await writeTree(dataset, { "val/red/torn.jpg": torn(soundJpeg("colour.jpg"), 0.4) });
  const told: RunEvent[] = [];
  const failing = tuned("torn", { changes: { dataset }, told });
  await assert.rejects(failing, (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.where, path);
    assert.match(error.nextStep, /--bad_images skip/);
    return true;
  });
  assert.ok(told.every(({ type }) => type !== "step"));
  const { steps, config } = await tuned("torn", { changes: { dataset, badImages: "skip" } });
  assert.deepEqual([steps, config.valSize], [12, 15]);
});
