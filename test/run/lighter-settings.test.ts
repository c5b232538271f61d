import assert from "node:assert/strict";
import { test } from "node:test";
import { lighterCommand, lighterSettings } from "../../src/run/lighter-settings.js";

const config = (model: string, crop: number, steps: number) => ({
  model,
  resolution: { precrop: Math.round((crop * 16) / 15), crop },
  schedule: [1, steps],
  classNames: ["a", "b"],
});

test("large images become smaller first, then steps fewer", () => {
  const { share, ...settings } = lighterSettings(config("BiT-M-R50x1", 480, 500), false);
  assert.deepEqual(settings, { model: "BiT-M-R50x1", resolution: 256, crop: 224, steps: 230 });
  assert.ok(Math.abs(share - 0.1) < 0.01, String(share));
});

test("a large model gives way to the largest published one of its kind that is light enough", () => {
  const { share, ...settings } = lighterSettings(config("BiT-S-R152x4", 480, 500), false);
  assert.deepEqual(settings, { model: "BiT-S-R101x3", resolution: 256, crop: 224, steps: 500 });
  assert.ok(share > 0.01 && share < 0.12, String(share));
});

test("small images and one's own weights stay; then only the steps are fewer", () => {
  const own = lighterSettings(config("BiT-M-R101x3", 128, 10_000), true);
  assert.deepEqual(
    { ...own, share: own.share.toFixed(3) },
    { model: "BiT-M-R101x3", resolution: 137, crop: 128, steps: 1000, share: "0.100" },
  );
  assert.equal(lighterSettings(config("R14x0.5", 48, 3), false).steps, 1);
});

test("the command is the run's own, with these settings and a name of its own", () => {
  const lighter = lighterSettings(config("BiT-M-R50x1", 480, 500), false);
  const options = { model: "BiT-M-R50x1", dataset: "photos", epochs: 9, batch: 64, name: "first" };
  assert.equal(
    lighterCommand(options, lighter),
    "npx bit-train --model BiT-M-R50x1 --crop 224 --dataset photos --name first_quick --batch 64 " +
      "--steps 230 --resolution 256",
  );
});
