/** What is at fault in an export or its source is told as that, and nothing is left. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { writeSafetensors } from "../../src/archive/safetensors-writer.js";
import { UserError } from "../../src/errors.js";
import { exportModel } from "../../src/export/export.js";
import { verifyExport } from "../../src/export/verify.js";
import { sampleModel, sampleWeights } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("a golden.json by which less is compared is no golden.json", async (t) => {
  const folder = await temporaryFolder(t);
  const whole = join(folder, "whole");
  await exportModel({ source: sampleModel, to: "npz", out: whole }, engine);
  const golden = JSON.parse(await readFile(join(whole, "golden.json"), "utf8"));
  const [image] = golden.images;
  const lesser: Readonly<Record<string, object>> = {
    images: { images: [] },
    files: { files: [] },
    tolerance: { tolerance: 1e9 },
    outside: { files: [...golden.files, { ...golden.files[0], name: "../whole/golden-cat.png" }] },
    unlisted: { images: [{ ...image, file: "nowhere.png" }] },
    "no weights": { files: golden.files.slice(0, 2) },
    "fewer logits": { images: [{ ...image, logits: [1] }] },
  };
  for (const [name, change] of Object.entries(lesser)) {
    const copy = join(folder, name);
    await cp(whole, copy, { recursive: true });
    await writeFile(join(copy, "golden.json"), JSON.stringify({ ...golden, ...change }));
    await assert.rejects(verifyExport(copy, engine), UserError, name);
  }
});

test("a size that no memory holds is told as that, not as a disk's fault", async (t) => {
  const folder = await temporaryFolder(t);
  const options = { source: sampleModel, to: "npz", out: join(folder, "npz"), size: 1e6 } as const;
  await assert.rejects(exportModel(options, engine), /does not fit the memory/);
  assert.deepEqual(await readdir(folder), []);
});

test("a link that leads nowhere is something of that name", async (t) => {
  const folder = await temporaryFolder(t);
  const out = join(folder, "npz");
  await symlink("nowhere", out);
  const exporting = exportModel({ source: sampleModel, to: "npz", out }, engine);
  await assert.rejects(exporting, /there is something of this name already/);
  assert.deepEqual(await readdir(folder), ["npz"]);
});

test("a diverged model is the model's fault", async (t) => {
  const folder = await temporaryFolder(t);
  const source = join(folder, "diverged.npz");
  const original = await NpzReader.open(sampleWeights());
  t.after(() => original.close());
  async function* arrays() {
    for (const name of original.names) {
      const array = await original.read(name);
      const data = new Float32Array(array.data.length).fill(3e38);
      const isHead = name === "resnet/head/conv2d/kernel";
      yield { name, array: isHead ? { shape: array.shape, data } : array };
    }
  }
  await writeNpz(source, arrays());
  const options = { source, to: "npz", out: join(folder, "npz"), model: sampleModel } as const;
  await assert.rejects(exportModel(options, engine), UserError);
  assert.deepEqual(await readdir(folder), ["diverged.npz"]);
});

test("weights of another network are no BiT, whatever their head is called", async (t) => {
  const path = join(await temporaryFolder(t), "resnet50.safetensors");
  const tensors = ["conv1.weight", "bn1.weight", "fc.weight", "fc.bias"].map((name) => {
    return { name, shape: [5], values: async () => new Float32Array(5) };
  });
  await writeSafetensors(path, tensors, { float16: false });
  const exporting = exportModel({ source: path, to: "onnx", out: `${path}-onnx` }, engine);
  await assert.rejects(exporting, /by whose names and shapes it is no BiT/);
});
