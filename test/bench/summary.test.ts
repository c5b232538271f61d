import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForQuiet } from "../../bench/suite/quiet.js";
import type { Report } from "../../bench/suite/report.js";
import { measureInTurn, type Subject } from "../../bench/suite/subject.js";
import { summarize } from "../../bench/suite/summary.js";

function report(stepsMs: readonly number[], peakGb: number, otherShare = 0): Report {
  return {
    steps_ms: stepsMs,
    steps_cpu_ms: stepsMs.map((ms) => 1.5 * ms),
    batch: 32,
    other_cpu_share: otherShare,
    peak_rss_bytes: peakGb * 1e9,
  };
}

test("rounds are joined: median over all steps, both ends of the peaks", () => {
  const joined = summarize([
    report([100, 200, 300], 1.5, 0.1),
    { missing: "ended by SIGKILL" },
    report([400, 500], 2, 0.15),
    report([9000], 9, 0.5),
  ]);
  assert.deepEqual(joined, {
    step: { median: 300, min: 100, max: 500, iqr: 200 },
    batch: 32,
    imagesPerSecond: 32 / 0.3,
    cpuMs: 450,
    otherShare: 0.15,
    peakRssBytes: 2e9,
    lowestPeakRssBytes: 1.5e9,
  });
  assert.deepEqual(summarize([{ missing: "why" }, { missing: "why" }]), { missing: "why" });
  assert.deepEqual(summarize([]), { missing: "not measured" });
});

function subject(id: string, rounds: number, measured: string[], ms = 0): Subject {
  const measure = async () => {
    measured.push(id);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return report([1], 1);
  };
  return { id, title: id, rounds, measure };
}

test("subjects take turns, each as often as it may, the same one once a round", async () => {
  const measured: string[] = [];
  const subjects = [
    subject("a", 2, measured),
    subject("b", 1, measured),
    subject("a", 1, measured),
    subject("c", 2, measured),
  ];
  const seen: string[] = [];
  const findings = await measureInTurn(subjects, {
    limitMs: 60_000,
    onOutcome: ({ id }, _, round) => seen.push(`${id}${round}`),
  });
  assert.deepEqual(measured, ["a", "b", "c", "a", "c"]);
  assert.deepEqual(seen, ["a0", "b0", "c0", "a1", "c1"]);
  assert.equal(findings.get("a")!.length, 2);
  assert.equal(findings.get("b")!.length, 1);
});

test("what other programs disturbed is measured again, up to twice as often", async () => {
  const shares = [0.5, 0.4, 0.1, 0.1];
  let measured = 0;
  const one: Subject = {
    ...subject("a", 2, []),
    measure: async () => report([1], 1, shares[measured++]),
  };
  let waits = 0;
  const options = { limitMs: 60_000, onOutcome: () => undefined };
  await measureInTurn([one], { ...options, before: async () => void waits++ });
  assert.equal(measured, 3);
  assert.equal(waits, 3);
});

test("waiting for quiet ends at its limit", async () => {
  // One look more than the limit at most; timers may be late on a busy machine.
  assert.ok((await waitForQuiet(0)) < 5000);
  assert.ok((await waitForQuiet(20, 10)) < 5000);
});

test("no round begins that would end too late", async () => {
  const measured: string[] = [];
  const options = { limitMs: 30, onOutcome: () => undefined };
  await measureInTurn([subject("slow", 5, measured, 20)], options);
  assert.deepEqual(measured, ["slow"]);
});
