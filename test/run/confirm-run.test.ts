/** What ranks say where one of them would train otherwise, or on other data, than rank 0. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import type { RunRecordFile } from "../../src/record/run-config.js";
import { confirmRun } from "../../src/run/agree.js";
import { decidingFlags } from "../../src/run/rank-differences.js";
import { settings } from "./tiny-training.js";

const config: RunRecordFile = { ...settings, data: { labels: "a", images: "b", contents: "c" } };
const options = { model: config.model, dataset: "made" };
const copies = "give all of them datasets that are copies of each other";

interface Case {
  /** What rank 1 comes to, beside what rank 0 does. */
  readonly change: Partial<RunRecordFile>;
  /** The flags of rank 0 and of rank 1. */
  readonly flags?: readonly [first: object, own: object];
  readonly words: string;
  readonly next: string;
}

const cases: readonly Case[] = [
  {
    change: { seed: 1 },
    flags: [{}, { seed: 1 }],
    words: "--seed is 1, that of rank 0 is 0",
    next: "type for all of them, as for rank 0: --seed 0",
  },
  {
    change: { maxMinutes: 50, schedule: [1, 2, 3, 4, 5], flip: true },
    flags: [
      { maxMinutes: 60, flip: false },
      { maxMinutes: 50, patience: 3 },
    ],
    words:
      "--flip is true, that of rank 0 is false; --max_minutes is 50, that of rank 0 is 60; " +
      "--patience is 3, that of rank 0 is not there",
    next: "type for all of them, as for rank 0: --no-flip --max_minutes 60; leave --patience out for all of them",
  },
  {
    change: { weights: "a.npz" },
    flags: [{ fromScratch: true }, { weights: "a.npz" }],
    words: "--from_scratch is false, that of rank 0 is true",
    next: "type for all of them, as for rank 0: --from_scratch",
  },
  {
    change: { precision: "bf16" },
    words: "--precision is bf16, that of rank 0 is fp32",
    next: "type for all of them, as for rank 0: --precision fp32",
  },
  {
    change: { data: { ...config.data, labels: "x" }, trainSize: 9, schedule: [1, 2, 3, 4, 5] },
    words: "its images' labels are not those of rank 0",
    next: copies,
  },
  {
    change: { data: { ...config.data, images: "x" } },
    words: "its images are not those of rank 0: other files, or other sizes",
    next: copies,
  },
  {
    change: { data: { ...config.data, contents: "x" } },
    words: "its images have the names and sizes of those of rank 0, and hold other bytes",
    next: copies,
  },
];

for (const { change, flags = [{}, {}], words, next } of cases)
  test(`a rank of which ${words}`, async () => {
    const group = { share: async (own: unknown) => [null, own] };
    const [first, own] = flags.map((given) => ({ ...options, ...given }));
    const announced = { config: { ...config, weights: null }, flags: decidingFlags(first!) };
    const intended = { config: { ...announced.config, ...change }, options: own! };
    await assert.rejects(confirmRun(group, announced, intended), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.where, "rank 1");
      assert.equal(error.got, `it would train otherwise than rank 0: ${words}`);
      assert.equal(error.nextStep, next);
      return true;
    });
  });

test("a rank that comes to the same by other flags is none of these", async () => {
  const group = { share: async (own: unknown) => [null, own] };
  const flags = decidingFlags({ ...options, epochs: 2 });
  await confirmRun(group, { config, flags }, { config, options: { ...options, steps: 6 } });
});
