/** Which runs are repetitions of each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownConfig } from "../../src/record/run-config.js";
import { repeatsOf } from "../../src/report/repeats.js";
import type { ReportedRun } from "../../src/report/report-data.js";

function run(name: string, config: KnownConfig, top1?: number) {
  const curves = { stride: 1, steps: [], loss: [], smoothed: [], lr: [] };
  const final = top1 === undefined ? undefined : { steps: 1, loss: 1, top1, top5: 1 };
  const reported: ReportedRun = {
    ...{ name, path: `/logs/${name}`, steps: 1, final, settings: {}, times: [], remarks: [] },
    curves: { ...curves, imagesPerSecond: [], validations: [] },
  };
  return { run: reported, config };
}

const config: KnownConfig = { model: "R14x0.5", baseLr: 0.003, dataset: "/photos", seed: 0 };
const data = (images: string) => ({ labels: "", images });

test("runs that differ in seeds, and in what changes no result, are one group", () => {
  const groups = repeatsOf([
    run("a_seed0", { ...config, data: data("1"), workers: 2 }, 0.5),
    run("a_seed1", { ...config, seed: 1, examplesPerClassSeed: 1, data: data("2") }, 0.7),
    run("b_seed0", { ...config, baseLr: 0.001 }, 0.5),
    run("c", { ...config, dataset: "/pets" }, 0.5),
    run("under way", { ...config, seed: 2 }),
  ]);
  assert.equal(groups.length, 1);
  const [{ name, runs, top1, macroF1 }] = groups as [(typeof groups)[number]];
  assert.equal(name, "a");
  assert.deepEqual(runs, ["a_seed0", "a_seed1"]);
  assert.ok(Math.abs(top1!.mean - 0.6) < 1e-15);
  assert.ok(Math.abs(top1!.deviation! - Math.SQRT2 / 10) < 1e-15);
  assert.equal(macroF1, undefined, "what is not known of all");
});

test("groups are named after what their runs' names have in common, or after all", () => {
  const [group] = repeatsOf([run("first", config, 0.5), run("second", config, 0.5)]);
  assert.equal(group!.name, "first, second");
});
