import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchReport } from "../../src/bench/measure.js";
import { fullSuite, type RowOutcome, rowFlags, summarize } from "../../src/bench/suite.js";
import { suiteLines } from "../../src/bench/table.js";

/** A report with only what the table reads. */
function report(stepsMs: readonly number[], peakGb: number, otherShare = 0): BenchReport {
  const partial: Partial<BenchReport> = {
    engine: "TensorFlow 2.21.0 (cpu)",
    device: "CPU",
    cpu: "a CPU",
    cores: 2,
    steps_ms: stepsMs,
    steps_cpu_ms: stepsMs.map((ms) => 1.5 * ms),
    other_cpu_share: otherShare,
    peak_rss_bytes: peakGb * 1e9,
  };
  return partial as BenchReport;
}

test("rounds of a row are joined: median over all steps, the highest peak", () => {
  const joined = summarize(32, [
    report([100, 200, 300], 1.5, 0.1),
    { missing: "ended by SIGKILL" },
    report([400, 500], 2, 0.4),
  ]);
  assert.deepEqual(joined, {
    step: { median: 300, min: 100, max: 500, iqr: 200 },
    imagesPerSecond: 32 / 0.3,
    cpuMs: 450,
    otherShare: 0.4,
    peakRssBytes: 2e9,
  });
  assert.deepEqual(summarize(32, [{ missing: "why" }]), { missing: "why" });
});

test("the table gives every row as a multiple of eager code of the same mode", () => {
  const none: RowOutcome = { missing: "left out" };
  const outcomes: RowOutcome[][] = [
    [report([1000], 2)],
    [none],
    [report([4000], 9)],
    [report([2500], 9)],
    [report([500, 600, 700], 1, 0.25)],
    [none],
    [report([900], 4)],
    [{ missing: "ended by SIGKILL: too little memory?" }],
  ];
  const machine = report([1], 1);
  // What a reader sees, word for word.
  assert.deepEqual(suiteLines({ suite: fullSuite, outcomes, machine }), [
    "R50x1, 32 images of 128 x 128; 1 of 2 rounds",
    "TensorFlow 2.21.0 (cpu) on the CPU; a CPU, 2 cores",
    "Other programs took up to 25 % of all cores meanwhile.",
    "",
    "step                                     precision  img/s  median ms    min to max  IQR  CPU ms  peak GB  times eager",
    "train, graph                             fp32        32.0       1000  1000 to 1000    0    1500     2.00         4.00",
    "train, eager textbook                    fp32         8.0       4000  4000 to 4000    0    6000     9.00         1.00",
    "train, eager textbook, graph's settings  fp32        12.8       2500  2500 to 2500    0    3750     9.00         1.60",
    "eval, graph                              fp32        53.3        600    500 to 700  100     900     1.00         1.50",
    "eval, eager textbook                     fp32        35.6        900    900 to 900    0    1350     4.00         1.00",
    "",
    "train, graph, bf16: left out",
    "eval, graph, bf16: left out",
    "eval, eager textbook, graph's settings, fp32: ended by SIGKILL: too little memory?",
    "Training is 4.00 times as fast as eager textbook (3: met).",
    "Training is 2.50 times as fast as eager textbook, graph's settings (3: not met).",
    "Its peak of memory is 2.00 GB (under 3: met).",
  ]);
});

test("a row's flags are bit-bench's", () => {
  assert.deepEqual(
    rowFlags(fullSuite, fullSuite.rows[2]!).join(" "),
    "--json --model R50x1 --batch 32 --resolution 128 --mode train --implementation eager-textbook " +
      "--precision fp32 --steps 2 --warmup 0",
  );
});
