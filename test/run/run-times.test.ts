import assert from "node:assert/strict";
import { test } from "node:test";
import { describeTimes } from "../../src/record/run-lines.js";

test("the close of a run's session is told by itself, and not as loading", () => {
  const times = { step: 5000, eval: 2000, save: 500, close: 1500 };
  assert.equal(
    describeTimes(times, 10_000),
    "Time: load 1.0 s (10 %), step 5.0 s (50 %), eval 2.0 s (20 %), save 0.5 s (5 %), close 1.5 s (15 %)",
  );
});
