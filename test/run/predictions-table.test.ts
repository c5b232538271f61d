/** `predictions.csv` of a run: of its final evaluation, whole or absent, the same after a stop. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunObserver } from "../../src/record/run-events.js";
import { evaluateRun } from "../../src/run/evaluate-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { stoppingAfter } from "./observing.js";

/** Rows of a table without quotes. */
const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));

test("predictions.csv is of the final evaluation, however often the run was stopped", {
  skip: engine.target.device === "GPU" && "not in the same order",
}, async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const run = (name: string, steps: number, observer: RunObserver = {}) =>
    fineTune(
      {
        ...{ name, dataset, logdir: join(root, "logs"), model: "R14x0.5", fromScratch: true },
        ...{ batch: 8, steps, resolution: 40, crop: 32, baseLr: 0.001, precision: "fp32" },
        force: true,
      },
      engine,
      observer,
    );
  const read = (name: string) => readFile(join(root, "logs", name, "predictions.csv"), "utf8");

  const whole = await run("whole", 6);
  const table = await read("whole");
  const [head, ...rows] = rowsOf(table);
  assert.equal(head!.join(), "path,truth,top1,top2,top3,probability1,probability2,probability3");
  assert.equal(rows.length, 15);
  for (const [path, truth, ...cells] of rows) {
    assert.equal(path!.split("/").at(-2), truth, "the folder says what it shows");
    const probabilities = cells.slice(3).map(Number);
    const sum = probabilities.reduce((all, one) => all + one, 0);
    // Each is rounded to seven digits.
    assert.ok(Math.abs(sum - 1) < 1e-6, `${sum}`);
    assert.deepEqual(
      probabilities,
      [...probabilities].sort((a, b) => b - a),
    );
  }
  const hits = rows.filter(([, truth, best]) => truth === best).length;
  assert.equal(hits / 15, whole.validation!.top1);

  // What `bit-eval` says of the same run, in other batches: float32 logits differ by about 1e-6.
  const csv = join(root, "evaluated.csv");
  await evaluateRun({ source: whole.folder.path, csv, batch: 4 }, engine);
  const evaluated = rowsOf(await readFile(csv, "utf8")).slice(1);
  for (const [i, row] of rows.entries()) {
    assert.deepEqual(evaluated[i]!.slice(0, 5), row.slice(0, 5));
    for (const place of [5, 6, 7])
      assert.ok(Math.abs(Number(evaluated[i]![place]) - Number(row[place])) < 1e-5);
  }

  // Stopped after a step, and in the final evaluation: there is none until that is done.
  const stopped = await run("stopped", 6, stoppingAfter(3));
  assert.equal(stopped.steps, 3);
  await assert.rejects(read("stopped"), /ENOENT/);
  const abandoned = new AbortController();
  const unfinished = await run("stopped", 6, {
    signal: abandoned.signal,
    event: (event) => {
      if (event.type === "evaluating") abandoned.abort(new Error("stopped"));
    },
  });
  assert.deepEqual([unfinished.steps, unfinished.validation], [6, undefined]);
  await assert.rejects(read("stopped"), /ENOENT/);
  await run("stopped", 6);
  assert.equal(await read("stopped"), table);

  // Once more: the same again. And on to more steps: the old table is not of the new model.
  await run("stopped", 6);
  assert.equal(await read("stopped"), table);
  await run("stopped", 9, stoppingAfter(7));
  await assert.rejects(read("stopped"), /ENOENT/);
  await run("stopped", 9);
  assert.notEqual(await read("stopped"), table);
});
