/** A device's memory that does not suffice, played by an engine that refuses large batches. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Engine, type Session, SessionError } from "../../src/engine/session.js";
import { UserError } from "../../src/errors.js";
import type { Graph } from "../../src/graph/graph-builder.js";
import type { RunRecordFile } from "../../src/record/run-config.js";
import { dryRun } from "../../src/run/dry-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { outOfMemoryTogether } from "../../src/run/rank-choices.js";
import { withSmallerParts } from "../../src/run/train-run.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { engine } from "../engine-for-tests.js";
import { observing, stoppingAfter } from "./observing.js";
import { settings } from "./tiny-training.js";

/** An engine of which the training step fails from step `from` on in the first `failing` sessions. */
function smallEngine(failing: number, from: number): Engine & { opened: () => number } {
  let opened = 0;
  const open = (graph: Graph): Session => {
    const session = engine.open(graph);
    // A session without a graph only shows that graphs can be handed over.
    if (graph.nodes.length === 0) return session;
    const fails = opened++ < failing;
    let steps = 0;
    return {
      close: () => session.close(),
      run: (feeds, fetches) => {
        const ends = fetches[0] === "train/step" || fetches[0] === "train/finish";
        if (fails && ends && steps++ === from)
          throw new SessionError(
            "OOM when allocating tensor with shape[8,32,32,128] and type float",
          );
        return session.run(feeds, fetches);
      },
    };
  };
  return { ...engine, open, opened: () => opened };
}

async function inFolder(work: (root: string, options: FineTuneOptions) => Promise<void>) {
  const root = await mkdtemp(join(tmpdir(), "bit-oom-test-"));
  try {
    const dataset = await writeTinyFolder(root);
    await work(root, {
      model: "R14x0.5",
      fromScratch: true,
      dataset,
      logdir: join(root, "logs"),
      batch: 8,
      batchSplit: 1,
      steps: 5,
      saveEvery: 2,
      resolution: 40,
      // Whose pictures of images take sessions of their own.
      tensorboard: false,
      report: false,
      crop: 32,
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

test("a run that runs out of memory goes on with half the images at a time, and says so once", async () => {
  await inFolder(async (root, options) => {
    for (const from of [0, 2]) {
      const lines: string[] = [];
      const small = smallEngine(2, from);
      const name = `small-${from}`;
      const result = await fineTune(
        { ...options, name },
        small,
        observing({ line: (line) => lines.push(line) }),
      );
      assert.equal(small.opened(), 3);
      assert.equal(result.config.split, 4);
      assert.equal(result.steps, 5);
      const told = lines.filter((line) => line.startsWith("Out of memory"));
      assert.deepEqual(told, [
        "Out of memory with 8 images at a time: going on with 4, in 2 parts a step.",
        "Out of memory with 4 images at a time: going on with 2, in 4 parts a step.",
      ]);
      const config = JSON.parse(await readFile(join(root, "logs", name, "config.json"), "utf8"));
      assert.equal(config.split, 4);

      if (from > 0) continue;
      const plain = await fineTune({ ...options, name: "plain", batchSplit: 4 }, engine);
      const [a, b] = [result, plain].map(({ folder }) => readFile(folder.checkpoint));
      assert.deepEqual(await a, await b, "as a run in four parts from the start");
    }
  });
});

test("a dry run tells the plan anew where its parts have to be smaller", async () => {
  await inFolder(async (_, options) => {
    const { lines, config } = await dryRun(options, smallEngine(1, 0));
    assert.equal(config.split, 2);
    const at = lines.indexOf("The memory does not suffice for that; in smaller parts:");
    assert.ok(at > 0, lines.join("\n"));
    assert.match(lines.slice(0, at).join("\n"), /5 steps of 8 images, /);
    assert.match(lines[at + 1]!, /5 steps of 8 images in 2 parts, /);
  });
});

test("where one image does not fit, the error says what to try", async () => {
  await inFolder(async (_, options) => {
    const run = fineTune({ ...options, name: "none" }, smallEngine(9, 0));
    await assert.rejects(run, (error: unknown) => {
      return error instanceof UserError && /not even one image of 32 x 32/.test(error.message);
    });
  });
});

test("devices that share a batch go on with parts that they can share", () => {
  const error = new SessionError("out of memory");
  const config = { ...settings, batch: 48, split: 1, evalBatch: 48, data: { classes: "" } };
  const splits: number[] = [];
  let smaller: RunRecordFile | undefined = config as unknown as RunRecordFile;
  while (splits.length < 9) {
    try {
      smaller = withSmallerParts(error, smaller!, 4);
      splits.push(smaller!.split);
    } catch (refused) {
      assert.ok(refused instanceof UserError);
      assert.match(refused.got, /not even one image a device/);
      break;
    }
  }
  // Of 48, 24, 12 and 4 images; 8 cannot be in two parts that four devices share.
  assert.deepEqual(splits, [2, 4, 12]);
});

test("a run that took smaller parts goes on with them, though its command says otherwise", async () => {
  await inFolder(async (_, options) => {
    const named = { ...options, name: "again" };
    const first = await fineTune(named, smallEngine(1, 0), stoppingAfter(3));
    assert.equal(first.steps, 3);
    const lines: string[] = [];
    const second = await fineTune(named, engine, observing({ line: (line) => lines.push(line) }));
    assert.ok(
      lines.includes("Going on with a batch in 2 parts, as the run did, not in --batch_split 1"),
    );
    assert.equal(second.config.split, 2);
    assert.equal(second.steps, 5);
  });
});

test("of several processes, one that runs out of memory says which --batch_split to try", () => {
  const config = { ...settings, name: "run", batch: 48, split: 2, data: { classes: "" } };
  const told = (error: unknown, split: number) =>
    outOfMemoryTogether(error, { ...config, split } as unknown as RunRecordFile, 2);
  const error = new SessionError("OOM when allocating tensor", "RESOURCE_EXHAUSTED");
  assert.match(
    told(error, 2)!.message,
    /out of memory with 24 images .* type --batch_split 4, or a smaller --batch/s,
  );
  assert.match(told(error, 16)!.message, /--batch_split 48/);
  assert.match(told(error, 48)!.message, /with 1 image.*smaller --crop/s);
  assert.equal(told(new SessionError("other", "INTERNAL"), 2), undefined);
});
