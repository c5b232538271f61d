/** Timing that takes long says where it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type TimedPart, tellStillTiming } from "../../src/run/still-timing.js";

test("every 20 seconds it says which step of how many is timed, until it is ended", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const told: string[] = [];
  let at: { part: TimedPart; steps: number } = { part: "features", steps: 0 };
  const end = tellStillTiming(
    (text) => told.push(text),
    () => at,
  );
  const pass = (ms: number) => {
    t.mock.timers.tick(ms);
    return told.splice(0).map((text) => text.replace(/after \d+ s/, "after N s"));
  };
  assert.deepEqual(pass(19_999), []);
  assert.deepEqual(pass(1), ["Still timing, after N s: the features of a batch of images"]);
  at = { part: "steps", steps: 0 };
  assert.deepEqual(pass(20_000), ["Still timing, after N s: step 1 of 4, which takes the longest"]);
  at = { part: "steps", steps: 2 };
  assert.deepEqual(pass(20_000), ["Still timing, after N s: step 3 of 4"]);
  at = { part: "evaluation", steps: 4 };
  assert.deepEqual(pass(20_000), [
    "Still timing, after N s: the steps are done, the evaluation is timed",
  ]);
  end();
  assert.deepEqual(pass(60_000), []);
});
