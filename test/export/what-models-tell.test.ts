/** What a model's weights do not tell leaves with it, and comes back: class names, size, resizing. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { exportModel } from "../../src/export/export.js";
import { sampleFacts, sampleModel } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import type { ExportFormatName } from "../../src/settings/choices.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("a model without a run is the same after npz and hf, one made of the other", async (t) => {
  const folder = await temporaryFolder(t);
  let source: string = sampleModel;
  for (const [i, to] of (["npz", "hf", "npz"] as const).entries()) {
    const asked = i === 0 ? ({ size: 56, resize: "tf" } as const) : {};
    source = await madeOf(source, to, join(folder, `${i}`), asked);
    const { classNames, crop, resize, architecture } = await findTrainedModel(source);
    assert.deepEqual(classNames, sampleFacts.classNames);
    assert.equal(crop, 56);
    assert.equal(resize, "tf");
    assert.equal(architecture.name, "R14x0.5");
  }
});

test("who resizes otherwise than the model's images were is told", async (t) => {
  const folder = await temporaryFolder(t);
  for (const resize of ["tf", "pillow"] as const) {
    const options = { source: sampleModel, to: "hf", out: join(folder, resize), resize } as const;
    const { notes } = await exportModel(options, engine);
    assert.equal(/transformers has no such way/.test(notes.join()), resize === "tf");
  }
});

/** Where an export's weights lie. */
async function madeOf(
  source: string,
  to: ExportFormatName,
  out: string,
  asked: { readonly size?: number; readonly resize?: "tf" },
): Promise<string> {
  await exportModel({ source, to, out, ...asked }, engine);
  const archive = (await readdir(out)).find((name) => name.endsWith(".npz"));
  return archive === undefined ? out : join(out, archive);
}

test("an export as npz is a model by its folder; what is not read back is called by its name", async (t) => {
  const folder = await temporaryFolder(t);
  const [npz, onnx] = [join(folder, "npz"), join(folder, "onnx")];
  await exportModel({ source: sampleModel, to: "npz", out: npz }, engine);
  assert.equal((await findTrainedModel(npz)).weights, join(npz, `${sampleModel}.npz`));
  await exportModel({ source: npz, to: "onnx", out: onnx }, engine);
  await assert.rejects(findTrainedModel(onnx), /is an export as onnx, from which no model is read/);
});
