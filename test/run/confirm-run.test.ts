/** What ranks say where one of them would train otherwise, or on other data, than rank 0. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import type { RunRecordFile } from "../../src/record/run-config.js";
import { confirmRun } from "../../src/run/agree.js";
import { settings } from "./tiny-training.js";

const first: RunRecordFile = { ...settings, data: { labels: "a", images: "b", contents: "c" } };

const cases: readonly (readonly [Partial<RunRecordFile>, string])[] = [
  [{ seed: settings.seed + 1 }, `seed is ${settings.seed + 1}, that of rank 0 is ${settings.seed}`],
  [{ data: { ...first.data, labels: "x" } }, "its images' labels are not those of rank 0"],
  [
    { data: { ...first.data, images: "x" } },
    "its images are not those of rank 0: other files, or other sizes",
  ],
  [
    { data: { ...first.data, contents: "x" } },
    "its images have the names and sizes of those of rank 0, and hold other bytes",
  ],
];

for (const [change, words] of cases)
  test(`a rank of which ${words}`, async () => {
    const group = { share: async (own: unknown) => [[], own] };
    await assert.rejects(confirmRun(group, first, { ...first, ...change }), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.where, "rank 1");
      assert.equal(error.got, `it would train otherwise than rank 0: ${words}`);
      return true;
    });
  });
