import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuHasBfloat16 } from "../../src/bench/machine.js";
import { spreadOf } from "../../src/bench/statistics.js";
import { timeSteps } from "../../src/bench/step-timing.js";

test("median and quartiles are numpy.percentile's", () => {
  // numpy.percentile([7, 1, 3, 10], [25, 50, 75]) is [2.5, 5, 7.75]; all exact in binary.
  assert.deepEqual(spreadOf([7, 1, 3, 10]), { median: 5, min: 1, max: 10, iqr: 5.25 });
  assert.deepEqual(spreadOf([2]), { median: 2, min: 2, max: 2, iqr: 0 });
  assert.throws(() => spreadOf([]), RangeError);
});

test("a CPU's flags tell whether it multiplies bfloat16", () => {
  const flags = (list: string) => `processor\t: 0\nflags\t\t: fpu vme ${list} sse\nbugs\t: none\n`;
  assert.equal(cpuHasBfloat16(flags("avx2 fma")), false);
  assert.equal(cpuHasBfloat16(flags("avx512f avx512_bf16")), true);
  assert.equal(cpuHasBfloat16(flags("amx_bf16")), true);
  assert.equal(cpuHasBfloat16("Features\t: fp asimd bf16\n"), true);
  assert.equal(cpuHasBfloat16(""), false);
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
