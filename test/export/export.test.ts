/** Exports as a whole: complete and verified, or not there. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { exportModel } from "../../src/export/export.js";
import { largestDifference } from "../../src/export/golden.js";
import { verifyExport } from "../../src/export/verify.js";
import { factsArray } from "../../src/record/classifier-facts.js";
import { sampleModel, sampleWeights } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("an export is read back, and a copy is verified; what changed is told", async (t) => {
  const folder = await temporaryFolder(t);
  const out = join(folder, "npz");
  const report = await exportModel({ source: sampleModel, to: "npz", out }, engine);
  assert.equal(report.folder, out);
  assert.equal(report.size, 48);
  assert.ok(report.largestDifference <= 1e-6, `${report.largestDifference}`);
  assert.deepEqual(await readdir(folder), ["npz"]);
  const verified = await verifyExport(out, engine);
  assert.equal(verified.files, 3);
  assert.ok(verified.largestDifference <= 1e-6);

  const again = exportModel({ source: sampleModel, to: "npz", out }, engine);
  await assert.rejects(again, /there is something of this name already/);

  const golden = join(out, "golden.json");
  const text = await readFile(golden, "utf8");
  await writeFile(golden, text.replace(/"logits": \[\s+-?\d/, '"logits": [9'));
  await assert.rejects(verifyExport(out, engine), /computes other logits/);
  await writeFile(golden, text);
  const archive = join(out, `${sampleModel}.npz`);
  const bytes = await readFile(archive);
  bytes[100_000]! ^= 1;
  await writeFile(archive, bytes);
  await assert.rejects(verifyExport(out, engine), /has other contents/);
  await assert.rejects(verifyExport(folder, engine), /is no export: golden.json is not in it/);
});

test("an archive's variables keep their bits, or half of them", async (t) => {
  const folder = await temporaryFolder(t);
  const original = await NpzReader.open(sampleWeights());
  t.after(() => original.close());
  for (const f16 of [false, true]) {
    const out = join(folder, `f16-${f16}`);
    await exportModel({ source: sampleModel, to: "npz", out, f16 }, engine);
    const written = await NpzReader.open(join(out, `${sampleModel}.npz`));
    t.after(() => written.close());
    assert.deepEqual([...written.names].sort(), [...original.names, factsArray].sort());
    for (const name of original.names) {
      assert.equal(written.entry(name).dtype, f16 ? "<f2" : "<f4");
      assert.deepEqual(await written.read(name), await original.read(name));
    }
  }
});

test("what is stopped leaves nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const stop = new AbortController();
  const stage = (name: string) => {
    if (name === "verifying") stop.abort(new Error("stopped"));
  };
  const options = { source: sampleModel, to: "npz", out: join(folder, "npz") } as const;
  const exporting = exportModel(options, engine, { stage, signal: stop.signal });
  await assert.rejects(exporting, /stopped/);
  assert.deepEqual(await readdir(folder), []);
});

test("differences are a share of each image's spread", () => {
  const expected = [0, 10, 5, 0, 1, 0];
  assert.equal(largestDifference(Float32Array.of(0, 10, 6, 0, 1, 0), expected, 3), 0.1);
  assert.equal(largestDifference(Float32Array.of(0, 10, 5, 0, 1, 0.5), expected, 3), 0.5);
  const broken = Float32Array.of(0, Number.NaN, 5, 0, 1, 0);
  assert.equal(largestDifference(broken, expected, 3), Number.POSITIVE_INFINITY);
  assert.equal(largestDifference(new Float32Array(3), [0, 0, 0], 3), 0);
});
