/**
 * What the other BiT tools ask of an archive, held against a run's. Their rules are said again here; the
 * loaders themselves were run once on such an archive (docs/checkpoints.md).
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { checkpointAt } from "../../src/checkpoint/checkpoint-folder.js";
import { parseArchitecture, unitSpecs, variableSpecs } from "../../src/model/architecture.js";
import { metadataArray } from "../../src/record/archive-record.js";
import { type RunFolder, runFolderAt } from "../../src/record/run-folder.js";
import { asEarlierVersion } from "./earlier-version.js";
import { settings, trainTiny } from "./tiny-training.js";

const architecture = parseArchitecture(settings.model);
const units = unitSpecs(architecture);
const blocks = ["block1", "block2", "block3", "block4"];

/**
 * google-research/big_transfer, bit_jax/tf2jax.py, `transform_params`: every name that holds a block's
 * holds a unit's, and of a unit there is at most one that holds its projection's.
 * @returns how many names it finds for each unit's projection
 */
function tf2jax(names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const take = (name: string) => assert.ok(names.includes(name), `KeyError: ${name}`);
  take("resnet/root_block/standardized_conv2d/kernel");
  for (const block of blocks) {
    const inBlock = names.filter((name) => name.includes(block));
    const unitsOf = new Set(inBlock.map((name) => /unit\d+/.exec(name)?.[0]));
    assert.ok(!unitsOf.has(undefined), "IndexError: a block's name without a unit");
    for (const unit of unitsOf) {
      for (const group of "abc") {
        const path = `resnet/${block}/${unit}/${group}`;
        take(`${path}/standardized_conv2d/kernel`);
        take(`${path}/group_norm/beta`);
        take(`${path}/group_norm/gamma`);
      }
      const projection = `${block}/${unit}/a/proj`;
      const projections = names.filter((name) => name.includes(projection));
      assert.ok(projections.length <= 1, `AssertionError: ${projections}`);
      found.set(`resnet/${block}/${unit}`, projections.length);
    }
  }
  take("resnet/group_norm/beta");
  take("resnet/group_norm/gamma");
  return found;
}

/**
 * google-research/big_vision, big_vision/utils.py, `load_params`: all members are read without pickles,
 * raw bytes (numpy's `V`) are taken for bfloat16, names are put into a tree, and a `params` or `opt` at
 * its top is taken for all. models/bit_paper.py then goes on as tf2jax does, after it has taken off
 * Keras' numbers.
 */
function bigVision(archive: NpzReader): void {
  const tops = new Set(archive.names.map((name) => name.split("/")[0]));
  assert.ok(!tops.has("params") && !tops.has("opt"));
  assert.ok(tops.has("resnet"));
  for (const name of archive.names) {
    assert.match(archive.entry(name).dtype, /^[<|][fiu]\d$/, name);
    const inside = archive.names.filter((other) => other.startsWith(`${name}/`));
    assert.deepEqual(inside, [], `${name} is an array and a branch of the tree`);
  }
  tf2jax(
    archive.names.map((name) =>
      name.replace(/\/standardized_conv2d_\d+\//g, "/standardized_conv2d/"),
    ),
  );
  assert.ok(archive.has("resnet/head/conv2d/kernel") && archive.has("resnet/head/conv2d/bias"));
}

/** bit_pytorch/models.py and timm's resnetv2.py, `load_from`: variables by name, in these shapes. */
function pytorch(archive: NpzReader): void {
  for (const { name, shape } of variableSpecs(architecture, settings.classNames.length)) {
    assert.deepEqual(archive.entry(name).shape, shape, name);
    assert.equal(archive.entry(name).dtype, "<f4", name);
  }
}

async function withArchive(path: string, check: (archive: NpzReader) => void): Promise<void> {
  const archive = await NpzReader.open(path);
  try {
    check(archive);
  } finally {
    await archive.close();
  }
}

let folder: RunFolder;

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-loaders-test-"));
  // float16 has a state of its own, of the loss's scale.
  const changes = { precision: "fp16", evalEvery: 4 } as const;
  ({ folder } = await trainTiny(join(root, "run"), changes, 8));
});

after(() => rm(root, { recursive: true, force: true }));

test("checkpoint.npz and best.npz are what the official loaders and timm take", async () => {
  for (const path of [folder.checkpoint, folder.best]) {
    await withArchive(path, (archive) => {
      const projections = tf2jax(archive.names);
      for (const { path: unit, projected } of units)
        assert.equal(projections.get(unit), projected ? 1 : 0, unit);
      bigVision(archive);
      pytorch(archive);
    });
  }
});

test("beside the variables it holds one member, the last, of plain bytes", async () => {
  await withArchive(folder.checkpoint, (archive) => {
    const variables = variableSpecs(architecture, settings.classNames.length);
    const names = variables.map(({ name }) => name);
    assert.deepEqual(archive.names, [...names, metadataArray]);
    assert.equal(archive.entry(metadataArray).dtype, "|u1");
    assert.ok(!/resnet|block\d|unit\d/.test(metadataArray));
  });
  await withArchive(checkpointAt(folder.checkpoints, 8).optimizer, ({ names }) => {
    const momentum = names.filter((name) => name.startsWith("momentum/resnet/"));
    assert.equal(momentum.length, variableSpecs(architecture, 3).length);
    for (const name of ["loss_scale/value", "training/step", "training/seed"])
      assert.ok(names.includes(name), name);
  });
});

test("an archive with momentum inside, as earlier versions wrote it, is none that the JAX code takes", async () => {
  const old = runFolderAt(join(root, "old"));
  await trainTiny(old.path, {}, 2);
  await asEarlierVersion(old);
  await withArchive(old.checkpoint, (archive) => {
    assert.throws(() => tf2jax(archive.names), /AssertionError: .*momentum/);
    assert.throws(() => bigVision(archive), /AssertionError: .*momentum/);
    pytorch(archive);
  });
});
