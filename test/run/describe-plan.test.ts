import assert from "node:assert/strict";
import { test } from "node:test";
import { plainTarget } from "../../src/graph/target.js";
import {
  describeComputing,
  describePlan,
  describeRate,
  describeSchedule,
  needsOf,
} from "../../src/run/describe-plan.js";
import { settings } from "./tiny-training.js";

const config = { ...settings, batch: 64, baseLr: 0.003 };

test("another batch than the rule's 512 is said to change the rate of each image", () => {
  assert.deepEqual(describeRate({ ...config, batch: 512 }, {}), []);
  assert.deepEqual(describeRate(config, {}), [
    "That rate is the recipe's for 512 images a step: of 64, each image counts 8 times as much; " +
      "--scale_lr would take 0.000375",
  ]);
  assert.deepEqual(describeRate(config, { baseLr: 0.003 }), []);
  assert.deepEqual(describeRate({ ...config, baseLr: 0.000375 }, { scaleLr: true }), [
    "It is 0.003 x 64/512, scaled with the batch (--scale_lr)",
  ]);
});

test("the images in a line: mirrored, as always, or said not to be", async () => {
  const needs = await needsOf(config, { deviceMemoryBytes: 7 }, "/");
  const images = (flip: boolean) => describePlan({ ...config, flip }, needs)[0];
  const begin = "R14x0.5, 3 classes, fp32: 20 steps of 64 images, resized to 20, cropped to 16";
  assert.equal(images(true), `${begin}, no mixup`);
  assert.equal(images(false), `${begin}, not mirrored, no mixup`);
});

test("the schedule in a line: warm-up and drops, without those at the end", () => {
  const schedule = [100, 200, 300, 400, 500];
  assert.equal(
    describeSchedule({ ...config, schedule }),
    "Learning rate 0.003, after a warm-up of 100 steps, then a tenth each after step 200, 300 and 400",
  );
  assert.equal(describeSchedule({ ...config, schedule: [0, 1, 1, 1, 1] }), "Learning rate 0.003");
});

test("disk: the newest, the best where there are evaluations, and the next; none by --no-save", async () => {
  const target = { deviceMemoryBytes: 7 };
  const { parameters, diskBytes, freeMemoryBytes } = await needsOf(config, target, "/");
  assert.equal(diskBytes, 3 * 8 * parameters);
  assert.equal(freeMemoryBytes, 7);
  const best = await needsOf({ ...config, evalEvery: 5, keep: 1 }, target, "/");
  assert.equal(best.diskBytes, 3 * 8 * parameters);
  assert.equal((await needsOf(config, target, "/", false)).diskBytes, 0);
});

test("by what convolutions are computed is a line where there is a choice: in bfloat16 on the CPU", () => {
  const native = { ...plainTarget.native, layers: true, convolutions: true };
  const tiles = () => ({ kind: "amx", why: "the processor has AMX" }) as const;
  const target = { ...plainTarget, native: { ...native, tiles } };
  assert.deepEqual(describeComputing(config, target), []);
  assert.deepEqual(describeComputing({ ...config, precision: "bf16" }, target), [
    "Convolutions of bfloat16 are bit-train's, on the processor's matrix tiles, with group normalization (the processor has AMX)",
  ]);
});
