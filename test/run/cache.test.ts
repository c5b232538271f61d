import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fineTune } from "../../src/run/fine-tune.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { engine } from "../engine-for-tests.js";
import { observing } from "./observing.js";

test("a run that keeps decoded images ends in the same bits as one that does not", async () => {
  const root = await mkdtemp(join(tmpdir(), "bit-cache-test-"));
  try {
    const dataset = await writeTinyFolder(root);
    const checkpoints: Buffer[] = [];
    const told: string[] = [];
    for (const cache of [false, true]) {
      const { folder } = await fineTune(
        {
          name: cache ? "kept" : "plain",
          model: "R14x0.5",
          fromScratch: true,
          logdir: join(root, "logs"),
          batch: 8,
          // More images than the folder has, so that each comes again.
          steps: 20,
          resolution: 40,
          crop: 32,
          dataset,
          cache,
        },
        engine,
        observing({ line: (line) => told.push(line) }),
      );
      checkpoints.push(await readFile(folder.checkpoint));
    }
    assert.deepEqual(checkpoints[1], checkpoints[0]);
    const expected = engine.target.native.host
      ? /^Keeping decoded images, in up to/
      : /^--cache has no effect/;
    assert.equal(told.filter((line) => expected.test(line)).length, 1);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
