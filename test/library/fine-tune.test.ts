/** Runs as a program follows them: events in order, the result, stops, errors. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { evaluate, type FineTuneOptions, fineTune } from "../../src/library/fine-tune.js";
import { loadModel } from "../../src/library/loaded-model.js";
import type { RunEvent } from "../../src/record/run-events.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { engine } from "../engine-for-tests.js";

const root = await mkdtemp(join(tmpdir(), "bit-train-library-"));
after(() => rm(root, { recursive: true, force: true }));
const options: FineTuneOptions = {
  engine,
  model: "R14x0.5",
  fromScratch: true,
  dataset: await writeTinyFolder(root),
  logdir: join(root, "logs"),
  batch: 8,
  steps: 6,
  evalEvery: 3,
  saveEvery: 2,
  resolution: 40,
  crop: 32,
  precision: "fp32",
};

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

const ofType = <T extends RunEvent["type"]>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

test("a run's events come in order, the result last, and again to who comes late", async () => {
  const run = fineTune({ ...options, name: "whole" });
  const events = await all(run);
  const steps = ofType(events, "step");
  assert.deepEqual(
    steps.map(({ step, totalSteps, startStep }) => [step, totalSteps, startStep]),
    [0, 1, 2, 3, 4, 5].map((step) => [step, 6, 0]),
  );
  assert.ok(steps.every(({ loss, lr, elapsedMs }) => loss > 0 && lr >= 0 && elapsedMs > 0));
  const validations = ofType(events, "validation");
  assert.deepEqual(
    validations.map(({ at, count }) => [at, count]),
    [
      [3, 15],
      ["end", 15],
    ],
  );
  assert.deepEqual(ofType(events, "evaluating").at(-1), {
    type: "evaluating",
    done: 15,
    total: 15,
  });
  const checkpoints = ofType(events, "checkpoint");
  assert.deepEqual(
    checkpoints.map(({ steps: made, path }) => [made, Number(basename(path))]),
    [2, 3, 4, 6].map((made) => [made, made]),
  );
  const notes = ofType(events, "note").map(({ text }) => text);
  assert.ok(notes.includes("Using a training set with 24 images."), notes.join("\n"));
  assert.ok(!notes.some((text) => text.startsWith("Validation@")), "that is an event of its own");
  const last = events.at(-1)!;
  assert.equal(last.type, "done");
  const result = await run;
  assert.equal(result, await run.done);
  assert.equal(last.type === "done" && last.result, result);
  assert.equal(result.steps, 6);
  assert.equal(result.validation?.top1, validations[1]!.top1);
  assert.deepEqual(await all(run), events);

  await using model = await loadModel(checkpoints.at(-1)!.path, { engine });
  assert.deepEqual(model.classNames, ["blue", "green", "red"]);
  const report = evaluate({ engine, source: result.folder.path });
  const told = await all(report);
  assert.equal(told.at(-1)?.type, "done");
  assert.equal((await report).top1, result.validation!.top1);
});

test("a signal ends it after the step under way; the same call goes on", async () => {
  const controller = new AbortController();
  const run = fineTune({ ...options, name: "stopped", signal: controller.signal });
  for await (const event of run) if (event.type === "step" && event.step === 1) controller.abort();
  const { steps, saved, validation } = await run;
  assert.ok(steps >= 2 && steps < 6, `${steps} steps`);
  assert.equal(saved, steps);
  assert.equal(validation, undefined);
  const again = await fineTune({ ...options, name: "stopped" });
  assert.equal(again.steps, 6);
  assert.notEqual(again.validation, undefined);
});

test("a signal before the first step is the error", async () => {
  const reason = new Error("not today");
  const run = fineTune({ ...options, name: "never", signal: AbortSignal.abort(reason) });
  await assert.rejects(run.done, reason);
  await assert.rejects(all(run), reason);
});

test("leaving an `await using` block stops the run and waits for it", async () => {
  const run = fineTune({ ...options, name: "left", steps: 400, evalEvery: undefined });
  {
    await using _ = run;
    for await (const event of run) if (event.type === "step") break;
  }
  const last = (await all(run)).at(-1);
  assert.equal(last?.type, "done");
  const { steps, validation } = await run;
  assert.ok(steps >= 1 && steps < 400, `${steps} steps`);
  assert.equal(validation, undefined);
});

test("what is no option is refused, before anything begins", async () => {
  // As plain JavaScript gives it.
  const wrong = (more: object) => fineTune({ ...options, name: "wrong", ...more }).done;
  await assert.rejects(wrong({ base_lr: 1 }), /option base_lr: there is none[\s\S]*baseLr/);
  await assert.rejects(wrong({ device: "cpu" }), /option device: [\s\S]*openEngine/);
  await assert.rejects(wrong({ dataset: undefined }), /option dataset: is not given/);
  await assert.rejects(wrong({ model: 50 }), /option model: 50 is not possible/);
  const report = (more: object) => evaluate({ engine, source: "BiT-M-R50x1", ...more }).done;
  await assert.rejects(report({ size: 3, json: true }), /option size: there is none/);
  await assert.rejects(loadModel("sample-R14x0.5", { sizes: 48 } as object), /sizes[\s\S]*size\n/);
});

test("the embedded model knows its classes and its size", async () => {
  await using model = await loadModel("sample-R14x0.5", { engine });
  assert.deepEqual(model.classNames?.slice(0, 2), ["t-shirt-top", "trouser"]);
  assert.equal(model.size, 48);
  assert.deepEqual(model.notes, []);
});

test("a source that is not there is told with what was perhaps meant", async () => {
  await assert.rejects(loadModel("sample-r14x0.5", { engine }), /perhaps sample-R14x0\.5/);
  await assert.rejects(loadModel("logs/none", { engine }), /expected: a run's folder, one of/);
});

test("an error comes out of the iteration, and of the result", async () => {
  const run = fineTune({ ...options, name: "wrong", dataset: join(root, "nowhere") });
  const isUserError = (error: unknown) => error instanceof UserError;
  await assert.rejects(all(run), isUserError);
  await assert.rejects(run.done, isUserError);
  await assert.rejects(async () => await fineTune({ ...options, name: "../up" }), isUserError);
  await assert.rejects(evaluate({ engine, source: join(root, "nowhere") }).done, isUserError);
});
