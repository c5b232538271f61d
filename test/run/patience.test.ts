/** The end of a run by `--patience`, also of one that is stopped and goes on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { playing } from "./playing-engine.js";
import { metricsOf, trainTiny } from "./tiny-training.js";

const changes = { evalEvery: 2, patience: 2, schedule: [2, 4, 8, 16, 20] };
// After 2, 4, 6 and 8 steps, and at the end. The evaluation after step 4 is the best; an equal one is no better.
const top1 = [0, 1, 1, 0, 0];

test("a run ends after so many evaluations without a better top-1, and is evaluated at its end", async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const none = () => undefined;
  const first = await trainTiny(path, changes, undefined, none, { engine: playing({}, top1) });
  assert.equal(first.steps, 8);
  assert.deepEqual(first.best, { step: 4, top1: 1 });
  assert.ok(first.validation !== undefined);
  // The same command again makes no step, and evaluates the end.
  const again = await trainTiny(path, changes, undefined, none, { engine: playing({}, [0]) });
  assert.equal(again.steps, 8);
  assert.ok(again.validation !== undefined);
  assert.deepEqual(again.best, first.best);
});

for (const stopAt of [5, 6, 7])
  test(`stopped after step ${stopAt}, it ends where it would have`, async (t) => {
    const root = await temporaryFolder(t);
    const none = () => undefined;
    const train = (name: string, stop: number | undefined, played: readonly number[]) =>
      trainTiny(join(root, name), changes, stop, none, { engine: playing({}, played) });
    const whole = await train("whole", undefined, top1);
    const part = await train("parts", stopAt, top1);
    assert.equal(part.steps, stopAt);
    assert.equal(part.validation, undefined);
    const rest = await train("parts", undefined, top1.slice(stopAt < 6 ? 2 : 3));
    assert.equal(rest.steps, 8);
    assert.deepEqual([rest.best, rest.validation], [whole.best, whole.validation]);
    assert.deepEqual(await metricsOf(rest.folder.metrics), await metricsOf(whole.folder.metrics));
  });

test("without it, or with more of it, the run goes to its end", async (t) => {
  const root = await temporaryFolder(t);
  const lasting = [...top1, ...Array<number>(10).fill(0)];
  for (const patience of [undefined, 9]) {
    const played = { engine: playing({}, lasting) };
    const path = join(root, String(patience));
    const run = await trainTiny(path, { ...changes, patience }, undefined, () => undefined, played);
    assert.equal(run.steps, 20);
  }
});
