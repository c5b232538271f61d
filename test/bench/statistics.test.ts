import assert from "node:assert/strict";
import { test } from "node:test";
import { instructionSets } from "../../src/bench/machine.js";
import { spreadOf } from "../../src/bench/statistics.js";
import { timeSteps } from "../../src/bench/step-timing.js";

test("median and quartiles are numpy.percentile's", () => {
  // numpy.percentile([7, 1, 3, 10], [25, 50, 75]) is [2.5, 5, 7.75]; all exact in binary.
  assert.deepEqual(spreadOf([7, 1, 3, 10]), { median: 5, min: 1, max: 10, iqr: 5.25 });
  assert.deepEqual(spreadOf([2]), { median: 2, min: 2, max: 2, iqr: 0 });
  assert.throws(() => spreadOf([]), RangeError);
});

test("a CPU's flags tell its vector and matrix instructions", () => {
  assert.deepEqual(instructionSets("flags\t\t: fpu fma avx avx2 sse avx512_bf16 amx_tile\n"), [
    "fma",
    "avx",
    "avx2",
    "avx512_bf16",
    "amx_tile",
  ]);
  assert.deepEqual(instructionSets(""), []);
});

test("steps are timed one after the other", async () => {
  const order: string[] = [];
  const times = await timeSteps(3, async () => {
    order.push("begins");
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push("ends");
  });
  assert.deepEqual(order, ["begins", "ends", "begins", "ends", "begins", "ends"]);
  assert.equal(times.wallMs.length, 3);
  assert.equal(times.cpuMs.length, 3);
  // Timers may fire up to a millisecond early.
  for (const ms of times.wallMs) assert.ok(ms >= 19, `${ms}`);
  assert.ok(times.otherShare >= 0 && times.otherShare <= 1);
});
