/** An engine of a program's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openEngine, sharedEngine } from "../../src/library/engine.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { engine as plain } from "../engine-for-tests.js";

const pixels = { data: new Uint8Array(28 * 28 * 3), shape: [28, 28, 3] };

test("an engine that is closed closes what was opened with it, and nothing else", async () => {
  const engine = openEngine();
  assert.equal(engine.device, plain.device);
  assert.equal(engine.narrowType, plain.narrowType);
  assert.equal(engine.version, plain.version);
  await using other = await loadModel("sample-R14x0.5", { size: 32 });
  const model = await loadModel("sample-R14x0.5", { engine, size: 32 });
  const { features } = await model.embed(pixels);
  await engine.close();
  await engine.close();
  await assert.rejects(model.embed(pixels), /closed/);
  await model.close();
  assert.deepEqual((await other.embed(pixels)).features, features);
});

test("all that is given no engine shares one", () => {
  assert.equal(sharedEngine(), sharedEngine());
});
