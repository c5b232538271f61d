/** What a run does follows from the images that it is trained on, few-shot or not. */
import assert from "node:assert/strict";
import { linkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadDataset } from "../../src/data/datasets.js";
import { resolveConfig } from "../../src/run/options.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";

test("schedule and mixup follow the size that examples per class leave", async (t) => {
  const root = await temporaryFolder(t);
  const row = (part: string) => (i: number) => `${i}.png,${i % 2 === 0 ? "a" : "b"},${part}`;
  const rows = [...Array(20_000).keys()].map(row("train"));
  await writeTree(root, {
    "20000.png": await readFile(fixturePath("data", "images", "rgba.png")),
    "table.csv": ["path,label,split", ...rows, row("val")(20_000), ""].join("\n"),
  });
  for (let i = 0; i < 20_000; i++) linkSync(join(root, "20000.png"), join(root, `${i}.png`));
  const machine = { cores: 1, precision: () => "fp32" as const };
  const resolved = async (examplesPerClass?: number) => {
    const options = { model: "BiT-M-R50x1", dataset: join(root, "table.csv"), examplesPerClass };
    const dataset = await loadDataset({ ...options, seed: 0 });
    const { trainSize, schedule, mixupAlpha } = resolveConfig("one", options, dataset, machine);
    return { trainSize, schedule, mixupAlpha };
  };
  assert.deepEqual(await resolved(), {
    trainSize: 20_000,
    schedule: [500, 3000, 6000, 9000, 10_000],
    mixupAlpha: 0.1,
  });
  assert.deepEqual(await resolved(10), {
    trainSize: 20,
    schedule: [100, 200, 300, 400, 500],
    mixupAlpha: undefined,
  });
});
