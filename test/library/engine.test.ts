/** An engine of a program's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPjrt } from "../../src/engine/pjrt/client.js";
import { xlaEngine } from "../../src/engine/xla/open-xla.js";
import { openEngine, sharedEngine } from "../../src/library/engine.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { engine as plain } from "../engine-for-tests.js";

const pixels = { data: new Uint8Array(28 * 28 * 3), shape: [28, 28, 3] };

test("an engine that is closed closes what was opened with it, and nothing else", async () => {
  const engine = openEngine({ device: "cpu" });
  assert.equal(engine.target.device, plain.target.device);
  assert.equal(engine.target.narrowType(), plain.target.narrowType());
  assert.equal(engine.version, plain.version);
  await using other = await loadModel("sample-R14x0.5", { size: 32 });
  const model = await loadModel("sample-R14x0.5", { engine, size: 32 });
  const { features } = await model.embed(pixels);
  await engine.close();
  await engine.close();
  await assert.rejects(model.embed(pixels), /closed/);
  await assert.rejects(loadModel("sample-R14x0.5", { engine, size: 32 }), /the engine is closed/);
  await model.close();
  assert.deepEqual((await other.embed(pixels)).features, features);
});

test("over XLA the features and logits are TensorFlow's", async (t) => {
  const client = openPjrt(await cpuPlugin(), {});
  t.after(() => client.close());
  const engine = xlaEngine(plain, client, [0], plain.target.narrowType);
  const options = { size: 32, precision: "fp32", batch: 4 } as const;
  await using here = await loadModel("sample-R14x0.5", { ...options, engine: plain });
  await using there = await loadModel("sample-R14x0.5", { ...options, engine });
  const data = Uint8Array.from({ length: 7 * 28 * 28 * 3 }, (_, i) => (i * 7919) % 251);
  const images = { data, shape: [7, 28, 28, 3] };
  const [wanted, got] = [await here.embed(images), await there.embed(images)];
  assert.deepEqual(got.shape, wanted.shape);
  // Ten times the rounding of float32 that was seen.
  for (const [i, value] of wanted.features.entries())
    assert.ok(Math.abs(got.features[i]! - value) < 1e-4, `${i}: ${got.features[i]}, not ${value}`);
});

test("a device that is none is refused", () => {
  assert.throws(() => openEngine({ device: "tpu" }), /tpu: is no device/);
  // In plain JavaScript: a slip of the pen must not mean the default.
  const slip: object = { devise: "cpu" };
  assert.throws(() => openEngine(slip), /option devise: .*none of this name[\s\S]*perhaps device/);
});

test("all that is given no engine shares one", () => {
  assert.equal(sharedEngine(), sharedEngine());
});
