/** What `--device` says, and what it comes to on machines with and without GPUs. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  chooseDevice,
  describeDevice,
  type Machine,
  parseDevice,
} from "../../src/engine/device.js";
import type { NvidiaDriver } from "../../src/engine/driver.js";
import { PLUGINS, type PluginName, pluginFolderName } from "../../src/engine/plugin-recipes.js";
import { engineName } from "../../src/engine/recipe.js";
import { temporaryFolder } from "../setup/fakes.js";

test("--device is parsed to a value", () => {
  assert.deepEqual(parseDevice("cpu"), { kind: "cpu" });
  assert.deepEqual(parseDevice("gpu"), { kind: "gpu", devices: [0] });
  assert.deepEqual(parseDevice("gpu:1"), { kind: "gpu", devices: [1] });
  assert.deepEqual(parseDevice("gpu:2,0"), { kind: "gpu", devices: [2, 0] });
  assert.deepEqual(parseDevice("all"), { kind: "gpu", devices: "all" });
  assert.deepEqual(parseDevice("xla:cpu"), { kind: "xla:cpu", devices: 1 });
  assert.deepEqual(parseDevice("xla:cpu:8"), { kind: "xla:cpu", devices: 8 });
  for (const text of [
    "",
    "GPU",
    "cuda",
    "gpu:",
    "gpu:a",
    "gpu:-1",
    "gpu:0,,1",
    "cpu:0",
    "xla:cpu:0",
  ])
    assert.throws(() => parseDevice(text), {
      name: "UserError",
      message: /is no device\n {2}expected: cpu, gpu .*gpu:0,2/,
    });
  assert.throws(() => parseDevice("gpu:0,0"), /names a GPU twice/);
});

/** A plugin's folder with files of the right names. */
async function putPlugin(cache: string, name: PluginName, nccl = false): Promise<void> {
  const recipe = PLUGINS[name];
  const folder = join(cache, "engine", pluginFolderName(recipe));
  await mkdir(dirname(join(folder, recipe.library)), { recursive: true });
  await writeFile(join(folder, recipe.library), "123");
  if (nccl) await mkdir(join(folder, "nvidia/nccl"), { recursive: true });
  const manifest = {
    ...{ name, version: recipe.version, source: "a test", made: "2025-01-01T00:00:00Z" },
    files: { [recipe.library]: 3 },
  };
  await writeFile(join(folder, "engine.json"), JSON.stringify(manifest));
}

async function putPrebuilt(cache: string): Promise<void> {
  const folder = join(cache, "engine", engineName("prebuilt"));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "engine.json"), JSON.stringify({ files: {}, binding: "x.node" }));
}

function gpus(...capabilities: number[]): NvidiaDriver["gpus"] {
  return capabilities.map((capability, index) => ({
    ...{ index, uuid: `GPU-${index}`, name: `Card ${index}`, memoryBytes: 2 ** 34, capability },
  }));
}

function machineWith(cache: string, driver?: Partial<NvidiaDriver>, visible?: string): Machine {
  const whole = { version: "580.65.06", gpus: gpus(8.9), complaint: undefined, ...driver };
  return {
    cache,
    hasDriver: () => driver !== undefined,
    driver: () => (driver === undefined ? undefined : whole),
    environment: visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible },
  };
}

test("without --device: a GPU where driver and plugin are there, else the CPU, with the reason", async (context) => {
  const cache = await temporaryFolder(context);
  const cpu = { engine: "tensorflow", must: undefined, remark: undefined };
  assert.deepEqual(chooseDevice(undefined, machineWith(cache)), cpu);
  const bare = chooseDevice(undefined, machineWith(cache, {}));
  assert.equal(bare.engine, "tensorflow");
  assert.match(bare.remark ?? "", /no plugin to use a GPU.*npx bit-setup --gpu/);

  await putPlugin(cache, "cuda13");
  assert.deepEqual(chooseDevice(undefined, machineWith(cache)), cpu, "a plugin without a driver");
  const device = chooseDevice(undefined, machineWith(cache, {}));
  assert.ok(device.engine === "xla");
  assert.deepEqual(device.devices, [0]);
  assert.equal(device.environment["CUDA_DEVICE_ORDER"], "PCI_BUS_ID");
  assert.equal(describeDevice(device), "GPU 0: Card 0; XLA for CUDA 13 0.11.2");

  const two = chooseDevice(undefined, machineWith(cache, { gpus: gpus(8.9, 8.9) }));
  assert.match(two.remark ?? "", /2 GPUs are here and one is used.*--device all/);
  for (const [driver, why] of [
    [{ gpus: [] }, /shows no GPU|no GPU 0/],
    [{ complaint: "NVML mismatch" }, /NVML mismatch/],
    [{ version: "550.1" }, /XLA for CUDA 12 is not set up; type: npx bit-setup --gpu/],
  ] as const) {
    const given = chooseDevice(undefined, machineWith(cache, driver));
    assert.ok(given.engine === "tensorflow");
    assert.match(given.remark ?? "", why);
  }
});

test("what is asked for is given, or one error says what to type", async (context) => {
  const cache = await temporaryFolder(context);
  const choose = (text: string, machine: Machine) => chooseDevice(parseDevice(text), machine);
  const refused = (text: string, machine: Machine, message: RegExp) =>
    assert.throws(() => choose(text, machine), { name: "UserError", message });
  assert.deepEqual(choose("cpu", machineWith(cache, {})), {
    ...{ engine: "tensorflow", must: "CPU", remark: undefined },
  });
  refused("gpu", machineWith(cache), /no NVIDIA driver[\s\S]*--device cpu/);
  refused("gpu", machineWith(cache, {}), /CUDA 13 is not set up[\s\S]*npx bit-setup --gpu/);
  refused("gpu", machineWith(cache, { version: "470.1" }), /470\.1 is too old[\s\S]*update/);
  await putPlugin(cache, "cuda13");
  const three = machineWith(cache, { gpus: gpus(8.9, 8.9, 7) });
  // Volta beside Ada: the plugin that serves all is CUDA 12's.
  refused("gpu", three, /CUDA 12, Volta and Pascal included is not set up/);
  const two = machineWith(cache, { gpus: gpus(8.9, 8.9) });
  refused("gpu:2", two, /gpu:2: there is no GPU 2\n {2}expected: numbers from 0 to 1/);
  refused("gpu:0,1", two, /NCCL is not set up[\s\S]*npx bit-setup --gpu/);
  const hidden = machineWith(cache, { gpus: gpus(8.9, 8.9) }, "1");
  refused("gpu:1", hidden, /no GPU 1 \(CUDA_VISIBLE_DEVICES hides others\)/);
  const seen = choose("gpu", hidden);
  assert.deepEqual(seen.engine === "xla" && seen.names, ["GPU 0: Card 1"]);
  refused("all", machineWith(cache, {}, ""), /shows no GPU \(CUDA_VISIBLE_DEVICES/);

  await putPlugin(cache, "cuda13", true);
  const all = choose("all", two);
  assert.deepEqual(all.engine === "xla" && all.devices, [0, 1]);
  const mixed = machineWith(cache, { gpus: gpus(12, 7) });
  refused("all", mixed, /no code for the Card 1 \(compute capability 7\)/);
});

test("the prebuilt's own GPU is taken where no plugin is", async (context) => {
  const cache = await temporaryFolder(context);
  await putPrebuilt(cache);
  const gpu = { engine: "tensorflow", must: "GPU", remark: undefined };
  assert.deepEqual(chooseDevice(parseDevice("gpu"), machineWith(cache, {})), gpu);
  const unasked = { engine: "tensorflow", must: undefined, remark: undefined };
  assert.deepEqual(chooseDevice(undefined, machineWith(cache, {})), unasked);
});

test("XLA's CPU plugin, with simulated devices", async (context) => {
  const cache = await temporaryFolder(context);
  const choice = parseDevice("xla:cpu:2");
  assert.throws(() => chooseDevice(choice, machineWith(cache)), /npx bit-setup --plugin cpu/);
  await putPlugin(cache, "cpu");
  const device = chooseDevice(choice, machineWith(cache));
  assert.ok(device.engine === "xla");
  assert.equal(device.plugin.name, "cpu");
  assert.deepEqual(device.devices, [0, 1]);
});
