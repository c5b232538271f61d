/** On which devices `bit-bench --devices` measures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device, DeviceChoice } from "../../src/engine/device.js";
import { deviceCounts } from "../../src/engine/device-counts.js";

/** What `--device` would say, and for what it was asked whether it is here. */
function counted(device: string | undefined, most: number) {
  const asked: DeviceChoice[] = [];
  const choose = (choice: DeviceChoice): Device => {
    asked.push(choice);
    return { engine: "tensorflow", must: "GPU", remark: undefined };
  };
  return { devices: deviceCounts(device, most, choose).map((one) => one.device), asked };
}

test("1, 2, 4 and so on of a kind, and as many as were asked for", () => {
  assert.deepEqual(
    counted("xla:cpu", 6).devices,
    [1, 2, 4, 6].map((n) => `xla:cpu:${n}`),
  );
  for (const device of [undefined, "gpu", "all"])
    assert.deepEqual(counted(device, 4), {
      devices: ["gpu:0", "gpu:0,1", "gpu:0,1,2,3"],
      asked: [{ kind: "gpu", devices: [0, 1, 2, 3] }],
    });
  assert.deepEqual(counted("gpu:3,1,2", 2).devices, ["gpu:3", "gpu:3,1"]);
});

test("fewer that are named, and a CPU, are refused", () => {
  assert.throws(() => counted("gpu:0,1", 3), /--devices 3: --device gpu:0,1 names 2/);
  assert.throws(() => counted("cpu", 2), /--devices 2: TensorFlow computes on the CPU/);
});
