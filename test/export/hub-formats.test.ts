/**
 * Exports for transformers and timm, against files that these libraries wrote of the same weights; and
 * what they wrote, read here. test-readers/ has the libraries themselves read the exports.
 */
import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openArchive } from "../../src/archive/array-archive.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { parseSafetensorsHeader } from "../../src/archive/safetensors-header.js";
import { UserError } from "../../src/errors.js";
import { exportModel } from "../../src/export/export.js";
import { openExportModel } from "../../src/export/export-model.js";
import { exportFormat } from "../../src/export/formats.js";
import { largestDifference } from "../../src/export/golden.js";
import { writeHubWeights } from "../../src/export/hub/hub-export.js";
import { networkLogits } from "../../src/export/network-logits.js";
import { timmLayout } from "../../src/model/name-layouts.js";
import { factsArray } from "../../src/record/classifier-facts.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { imageValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import {
  classNames,
  copyConfigs,
  type HubFixture,
  hubFacts,
  sha256Of,
  writeDeterministic,
} from "./hub-model.js";

const shape = [2, 64, 64, 3] as const;

async function json(...path: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(...path), "utf8"));
}

/** Whether two archives hold the same variables, bit for bit, by their official names. */
async function assertSameVariables(one: string, other: string): Promise<void> {
  const archives = [await NpzReader.open(one), await NpzReader.open(other)] as const;
  const [names, written] = archives.map((archive) =>
    archive.names.filter((name) => name !== factsArray).sort(),
  );
  assert.deepEqual(names, written);
  for (const name of names!) {
    const [a, b] = [await archives[0].read(name), await archives[1].read(name)];
    assert.deepEqual(a.shape, b.shape, name);
    assert.ok(Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer)), name);
  }
  await Promise.all(archives.map((archive) => archive.close()));
}

/** The deterministic R14x0.5 as the library wrote it, byte for byte, with its configuration. */
async function writtenBy(fixture: HubFixture, folder: string): Promise<string> {
  const npz = join(folder, "R14x0.5.npz");
  await writeDeterministic(npz, "R14x0.5");
  const out = join(folder, fixture);
  if (fixture === "transformers")
    await exportModel({ source: npz, to: "hf", out, size: 64 }, engine);
  else {
    await mkdir(out);
    const preparation = { size: 64, resize: "pillow" } as const;
    const model = await openExportModel(await findTrainedModel(npz), preparation);
    await writeHubWeights(model, out, { layout: timmLayout, headAxes: 4 }, false);
    await model.close();
  }
  const { sha256 } = hubFacts(fixture);
  assert.equal(await sha256Of(join(out, "model.safetensors")), sha256);
  return out;
}

test("hf: weights are transformers' own, byte for byte; the configuration says the same", async (t) => {
  const folder = await temporaryFolder(t);
  const out = await writtenBy("transformers", folder);
  const theirs = await json(fixturePath("safetensors", "transformers", "config.json"));
  const { id2label, label2id, ...ours } = await json(out, "config.json");
  for (const [key, value] of Object.entries(ours)) assert.deepEqual(value, theirs[key], key);
  // Where nobody says what the classes are, transformers' words for that.
  assert.deepEqual(id2label, { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" });
  assert.deepEqual(label2id, { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 });
  const processor = await json(out, "preprocessor_config.json");
  const { crop_size, ...theirProcessor } = await json(
    fixturePath("safetensors", "transformers", "preprocessor_config.json"),
  );
  assert.deepEqual(processor, theirProcessor);
  assert.match(await readFile(join(out, "README.md"), "utf8"), /^---\npipeline_tag: image-class/);
});

for (const fixture of ["transformers", "timm-small"] as const)
  test(`what ${fixture} wrote computes the logits that it computed, and comes back whole`, async (t) => {
    const folder = await temporaryFolder(t);
    const out = await writtenBy(fixture, folder);
    const isBare = fixture === "timm-small";
    if (!isBare) copyConfigs(fixture, out);
    // timm's network of this width has no configuration: its shapes tell what it is.
    const trained = await findTrainedModel(isBare ? join(out, "model.safetensors") : out);
    assert.equal(trained.model, "R14x0.5");
    assert.deepEqual(trained.classNames, isBare ? undefined : classNames);
    assert.equal(trained.crop, isBare ? undefined : 64);
    const logits = await networkLogits(trained, engine, imageValues(2, 64, 64), shape);
    const expected = hubFacts(fixture).logits.flat();
    assert.ok(largestDifference(logits, expected, 3) < 1e-4);

    const back = join(folder, "back");
    await exportModel({ source: out, to: "npz", out: back, size: 64 }, engine);
    await assertSameVariables(join(back, "R14x0.5.npz"), join(folder, "R14x0.5.npz"));
  });

test("timm: its own six models, and another is refused before anything is there", async (t) => {
  const folder = await temporaryFolder(t);
  const npz = join(folder, "R50x1.npz");
  await writeDeterministic(npz, "R50x1");
  const out = join(folder, "timm");
  await exportModel({ source: npz, to: "timm", out, size: 64 }, engine);
  const ours = await json(out, "config.json");
  const theirs = await json(fixturePath("safetensors", "timm", "config.json"));
  for (const key of ["architecture", "num_classes", "num_features", "global_pool"])
    assert.deepEqual(ours[key], theirs[key], key);
  const { tag, license, ...theirPreparation } = theirs["pretrained_cfg"] as Record<string, unknown>;
  assert.deepEqual(ours["pretrained_cfg"], {
    ...theirPreparation,
    ...{ input_size: [3, 64, 64], pool_size: [2, 2] },
    ...{ crop_mode: "squash", crop_pct: 1, interpolation: "bilinear" },
  });
  const header = await readFile(fixturePath("safetensors", "timm", "header.bin"));
  // timm's file lacks `__metadata__`, which safetensors' own loader of PyTorch does not ask for.
  const { bytes } = hubFacts("timm");
  const { entries } = parseSafetensorsHeader(header.subarray(8), bytes, "timm");
  const archive = await openArchive(join(out, "model.safetensors"));
  assert.deepEqual(
    archive.names.map((name) => archive.entry(name)),
    entries.map(({ position, ...entry }) => entry),
  );
  await archive.close();

  const back = join(folder, "back");
  await exportModel({ source: out, to: "npz", out: back }, engine);
  await assertSameVariables(join(back, "R50x1.npz"), npz);

  const small = join(folder, "R14x0.5.npz");
  await writeDeterministic(small, "R14x0.5");
  const none = join(folder, "none");
  const refused = exportModel({ source: small, to: "timm", out: none, size: 64 }, engine);
  await assert.rejects(refused, (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /R14x0.5, which timm does not have[\s\S]*type --to hf/);
    return true;
  });
  await assert.rejects(readFile(none), /ENOENT/);
});

test("hf with --f16: F16 tensors, names and size read back from the folder alone", async (t) => {
  const folder = await temporaryFolder(t);
  const source = join(folder, "source");
  await mkdir(source);
  const full = await writtenBy("transformers", folder);
  await copyFile(join(full, "model.safetensors"), join(source, "model.safetensors"));
  copyConfigs("transformers", source);
  const out = join(folder, "half");
  const report = await exportModel({ source, to: "hf", out, f16: true }, engine);
  assert.ok(report.largestDifference > 0 && report.largestDifference < 5e-2);
  const archive = await openArchive(join(out, "model.safetensors"));
  for (const name of archive.names) assert.equal(archive.entry(name).dtype, "F16", name);
  await archive.close();
  const opened = await (await exportFormat("hf")).open(out, engine);
  assert.deepEqual(opened.classNames, classNames);
  assert.equal(opened.size, 64);
  assert.equal((await json(out, "config.json"))["dtype"], "float32");
  await opened.close();
});

test("an archive that does not fit its configuration is refused", async (t) => {
  const folder = await temporaryFolder(t);
  const out = await writtenBy("transformers", folder);
  copyConfigs("transformers", out);
  const path = join(out, "config.json");
  const config = await json(path);
  const refused = async (changes: object, words: RegExp) => {
    await writeFile(path, JSON.stringify({ ...config, ...changes }));
    await assert.rejects(findTrainedModel(out), (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, words);
      return true;
    });
  };
  await refused({ depths: [2, 2, 2, 2] }, /does not fit R26x0.5: 36 missing/);
  const wide = { embedding_size: 64, hidden_sizes: [256, 512, 1024, 2048] };
  await refused(wide, /of another shape \(bit.embedder.convolution.weight/);
  await refused({ id2label: { 0: "a", 1: "b" } }, /names 2 classes, where .* has a head of 3/);
  await writeFile(path, "{");
  await assert.rejects(findTrainedModel(out), /is no JSON object/);
});
