/** The GPU check's lines and report. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Figure, mark, readFinding } from "../../bench/gpu/finding.js";
import { reportLines } from "../../bench/gpu/report.js";

const figure: Figure = {
  ...{ side: "bit-train", setting: "default", model: "R50x1", mode: "train", batch: 128 },
  ...{ size: 128, type: "bfloat16", ms: [11, 8, 10] },
};
const machine = { card: "A card", driver: "1", versions: "versions", date: "2026-01-01" };

function reportOf(...figures: readonly Figure[]): string {
  const findings = figures.map((one) => ({ kind: "figure", part: "part", ...one }) as const);
  return reportLines(machine, findings, 1).join("\n");
}

test("a line is a finding only behind its mark and whole", () => {
  const note = { kind: "note", part: "a", text: "b" } as const;
  deepEqual(readFinding(mark + JSON.stringify(note)), note);
  equal(readFinding(JSON.stringify(note)), undefined);
  equal(readFinding(`${mark}{"kind": "no`), undefined);
});

test("medians with their spread, and the ratio to PyTorch's fastest", () => {
  const slow = { ...figure, side: "torch", setting: "eager", ms: [40] };
  const fast = { ...figure, side: "torch", setting: "whole", ms: [12, 16, 14] };
  const text = reportOf(figure, slow, fast);
  ok(text.includes("10.00 (8.00 to 11.00)"), text);
  match(
    text,
    /1\.40 times the images a second of PyTorch's best \(whole\); the goal is 1\.3: reached/,
  );
});

test("no ratio where a side is missing; batches of the largest network share a table", () => {
  ok(!reportOf(figure).includes("times the images"));
  const large = { ...figure, model: "R152x4" };
  const text = reportOf({ ...large, batch: 100 }, { ...large, side: "torch", batch: 50 });
  match(text, /2\.00 times .* the goal is 1\.2: reached/);
});
