/** What a run does follows from the images that it is trained on, few-shot or not. */
import assert from "node:assert/strict";
import { linkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadDataset } from "../../src/data/datasets.js";
import { UserError } from "../../src/errors.js";
import { type Machine, type ModelledOptions, resolveConfig } from "../../src/run/options.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";

test("schedule and mixup follow the size that examples per class leave", async (t) => {
  const root = await temporaryFolder(t);
  const row = (part: string) => (i: number) => `${i}.png,${i % 2 === 0 ? "a" : "b"},${part}`;
  const rows = [...Array(20_000).keys()].map(row("train"));
  await writeTree(root, {
    "20000.png": await readFile(fixturePath("data", "images", "rgba.png")),
    "table.csv": ["path,label,split", ...rows, row("val")(20_000), ""].join("\n"),
  });
  for (let i = 0; i < 20_000; i++) linkSync(join(root, "20000.png"), join(root, `${i}.png`));
  const machine = { cores: 1, precision: () => "fp32" as const };
  const resolved = async (examplesPerClass?: number) => {
    const options = { model: "BiT-M-R50x1", dataset: join(root, "table.csv"), examplesPerClass };
    const dataset = await loadDataset({ ...options, seed: 0 });
    const { trainSize, schedule, mixupAlpha } = resolveConfig("one", options, dataset, machine);
    return { trainSize, schedule, mixupAlpha };
  };
  assert.deepEqual(await resolved(), {
    trainSize: 20_000,
    schedule: [500, 3000, 6000, 9000, 10_000],
    mixupAlpha: 0.1,
  });
  assert.deepEqual(await resolved(10), {
    trainSize: 20,
    schedule: [100, 200, 300, 400, 500],
    mixupAlpha: undefined,
  });
});

/** What a batch of a large model comes to on a machine. */
async function planOn(
  t: TestContext,
  options: Partial<ModelledOptions>,
  target?: Machine["target"],
  split?: number,
): Promise<{ split: number; evalBatch: number }> {
  const root = await temporaryFolder(t);
  const image = await readFile(fixturePath("data", "images", "rgba.png"));
  const names = ["train/a", "train/b", "val/a", "val/b"];
  await writeTree(root, Object.fromEntries(names.map((name) => [`${name}/0.png`, image])));
  const wishes = { model: "BiT-M-R152x4", dataset: root, resolution: 512, crop: 480, ...options };
  const dataset = await loadDataset({ dataset: root, seed: 0 });
  const machine = { cores: 1, precision: () => "bf16" as const, target };
  return resolveConfig(
    "one",
    wishes,
    dataset,
    machine,
    split === undefined ? undefined : { split },
  );
}

test("a batch is divided to fit the memory of the device that computes", async (t) => {
  const splitOn = async (gigabytes: number, devices = 1) => {
    return (await planOn(t, { batch: 512 }, { deviceMemoryBytes: gigabytes * 1e9, devices })).split;
  };
  const [small, large] = [await splitOn(40), await splitOn(141)];
  assert.ok(large < small, `${large} parts with more memory, ${small} with less`);
  // Eight devices have room for eight times the images.
  assert.equal(await splitOn(80, 8), Math.max(1, (await splitOn(80)) / 8));
  // Nothing fits: one image a device at a time.
  assert.equal(await splitOn(0.001, 4), 128);
  // A device that does not tell its memory has the host's.
  const host = await planOn(t, { batch: 512 });
  const simulated = await planOn(
    t,
    { batch: 512 },
    { deviceMemoryBytes: Number.POSITIVE_INFINITY },
  );
  assert.ok(simulated.split >= host.split / 2 && simulated.split <= 2 * host.split);
});

test("a batch that devices cannot share evenly is refused", async (t) => {
  const refused = (options: Partial<ModelledOptions>, devices: number, split?: number) => {
    return planOn(t, options, { devices, deviceMemoryBytes: 1e12 }, split).then(
      () => assert.fail("it was planned"),
      ({ name, where, got, expected, nextStep }) => {
        assert.equal(name, "UserError");
        return [where, got, expected, nextStep];
      },
    );
  };
  assert.deepEqual(await refused({ batch: 30 }, 4), [
    "--batch",
    "30 images cannot be shared evenly by 4 devices",
    "a multiple of 4",
    "type --batch 28 or 32, or compute on 3 devices (--device)",
  ]);
  assert.deepEqual(await refused({ batch: 3 }, 8), [
    "--batch",
    "3 images cannot be shared evenly by 8 devices",
    "a multiple of 8",
    "type --batch 8, or compute on 3 devices (--device)",
  ]);
  // Parts that were told, and those of a run that goes on.
  for (const [told, known] of [
    [8, undefined],
    [undefined, 8],
  ]) {
    const options = { batch: 40, ...(told && { batchSplit: told }) };
    assert.deepEqual(await refused(options, 2, known), [
      "--batch",
      "40 images in 8 parts cannot be shared evenly by 2 devices",
      "a multiple of 16",
      "type --batch 32 or 48, or compute on one device (--device)",
    ]);
  }
  const target = { devices: 4, deviceMemoryBytes: 1e15 };
  assert.equal((await planOn(t, { batch: 32 }, target)).split, 1);
});

test("epochs are steps in which every image is seen so often", async (t) => {
  const root = await temporaryFolder(t);
  const image = await readFile(fixturePath("data", "images", "rgba.png"));
  const names = [...Array(50).keys()].flatMap((i) => [`train/a/${i}.png`, `train/b/${i}.png`]);
  await writeTree(
    root,
    Object.fromEntries([...names, "val/a/0.png", "val/b/0.png"].map((name) => [name, image])),
  );
  const dataset = await loadDataset({ dataset: root, seed: 0 });
  const machine = { cores: 1, precision: () => "fp32" as const };
  const scheduleOf = (options: Partial<ModelledOptions>) => {
    const wishes = { model: "BiT-M-R50x1", dataset: root, batch: 32, ...options };
    return resolveConfig("one", wishes, dataset, machine).schedule;
  };
  // 100 images: 3.125 steps an epoch.
  assert.equal(scheduleOf({ epochs: 8 }).at(-1), 25);
  assert.equal(scheduleOf({ epochs: 3 }).at(-1), 10);
  assert.equal(scheduleOf({ epochs: 0.01 }).at(-1), 1);
  assert.deepEqual(scheduleOf({ epochs: 8 }), scheduleOf({ steps: 25 }));
  assert.throws(
    () => scheduleOf({ epochs: 8, steps: 30 }),
    /--epochs: 8 epochs, and 30 steps by --steps[\s\S]*8 epochs are 25 steps of 32 images/,
  );
});

test("--scale_lr multiplies the rate by the batch over the recipe's; --patience needs evaluations", () => {
  const pixels = { kind: "pixels", pixels: new Uint8Array(6), height: 1, width: 1 } as const;
  const split = { images: pixels, labels: Int32Array.of(0, 1) };
  const dataset = {
    ...{ name: "made", classNames: ["a", "b"], train: split, val: split },
    typicalSize: [1, 1] as const,
  };
  const machine = { cores: 1, precision: () => "fp32" as const };
  const rateOf = (options: Partial<ModelledOptions>) => {
    const wishes = { model: "BiT-M-R50x1", dataset: "made", batch: 64, ...options };
    return resolveConfig("one", wishes, dataset, machine).baseLr;
  };
  assert.throws(() => rateOf({ patience: 3 }), /--patience 3: without --eval_every/);
  assert.equal(rateOf({}), 0.003);
  assert.equal(rateOf({ scaleLr: true }), 0.000375);
  assert.equal(rateOf({ scaleLr: true, batch: 512 }), 0.003);
  assert.equal(rateOf({ scaleLr: true, baseLr: 0.01, batch: 1024 }), 0.02);
  assert.equal(rateOf({ scaleLr: true, recipe: "paddle" }), 0.0005);
});

test("the parts that are named instead are parts that all processes can share", async () => {
  const dataset = await loadDataset({ dataset: "sample", seed: 0 });
  const machine = { cores: 1, precision: () => "fp32" as const, ranks: 2 };
  const told = (batch: number, batchSplit: number) => {
    const options = { model: "BiT-M-R50x1", dataset: "sample", batch, batchSplit };
    return resolveConfig("one", options, dataset, machine).split;
  };
  for (const [batch, split, instead] of [
    [6, 3, 2],
    [6, 4, 6],
    [12, 3, 4],
    [10, 5, 2],
  ] as const) {
    assert.throws(() => told(batch, split), new RegExp(`type .*--batch_split ${instead}(?!\\d)`));
    assert.equal(told(batch, instead), instead);
  }
});

test("a run whose parts so many processes cannot share is told how many can", async () => {
  const dataset = await loadDataset({ dataset: "sample", seed: 0 });
  const refusal = (split: number, ranks: number) => {
    const machine = { cores: 1, precision: () => "fp32" as const, ranks };
    const options = { model: "BiT-M-R50x1", dataset: "sample", batch: 12 };
    let said = "";
    try {
      resolveConfig("one", options, dataset, machine, { split });
    } catch (error) {
      assert.ok(error instanceof UserError);
      said = error.nextStep;
    }
    return said;
  };
  const others = "; or, to go on with a batch in other parts, type";
  assert.equal(refusal(6, 4), `start 3 or 6 processes${others} --batch_split 4 --force`);
  assert.equal(refusal(4, 3), `start 2 or 4 processes${others} --batch_split 3 --force`);
  assert.equal(refusal(3, 2), `start 3 processes${others} --batch_split 4 --force`);
  assert.equal(
    refusal(1, 2),
    `start one process, without a launcher${others} --batch_split 2 --force`,
  );
  assert.equal(refusal(6, 3), "");
});

test("the head alone is trained by several processes on CPUs, in a part each, and not on GPUs", async () => {
  const dataset = await loadDataset({ dataset: "sample", seed: 0 });
  const options = { model: "BiT-M-R50x1", dataset: "sample", batch: 12, freeze: true };
  const machine = { cores: 1, precision: () => "fp32" as const, ranks: 3 };
  const planned = resolveConfig("one", options, dataset, machine);
  assert.deepEqual([planned.split, planned.evalBatch], [3, 4]);
  const target = { deviceMemoryBytes: 1e12 };
  assert.throws(
    () => resolveConfig("one", options, dataset, { ...machine, target }),
    /--freeze: 3 processes with GPUs[\s\S]*--device cpu/,
  );
});
