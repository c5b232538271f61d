import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "../../bench/suite/comparison.js";
import { comparisonLines } from "../../bench/suite/comparison-table.js";
import { type BenchData, ownSubjects } from "../../bench/suite/own-subjects.js";
import type { Outcome } from "../../bench/suite/report.js";
import { fullSizes } from "../../bench/suite/sizes.js";
import type { Subject } from "../../bench/suite/subject.js";
import { torchCommands, torchSubjects } from "../../bench/suite/torch-subjects.js";
import { markdownTable } from "../../src/bench/markdown.js";

const places = { root: "/repository", data: "/data" };
const data: BenchData = { archive: "a.npz", cifar: "cifar", photos: ["small", "large"] };
const ours = ownSubjects(fullSizes, places, data);
const torch = torchSubjects(fullSizes, torchCommands("python", places), data);

function found(...pairs: readonly (readonly [Subject, Outcome])[]) {
  return new Map(pairs.map(([{ id }, outcome]) => [id, [outcome]]));
}

function took(ms: readonly number[], peakGb: number, batch = 32): Outcome {
  return { steps_ms: ms, batch, peak_rss_bytes: peakGb * 1e9 };
}

const none = { missing: "left out: the reason" };

const findings = found(
  [ours.trainFp32, took([2000, 2100, 2200], 2)],
  [ours.trainBf16, none],
  [torch.train.fp32, took([3000], 1.9)],
  [torch.train.channels_last, took([2000, 2050, 2300], 1.5)],
  [torch.train.compile, { missing: "PyTorch failed: no compiler" }],
  [torch.train.bf16, none],
  [torch.train.compile_bf16, none],
  [ours.cifar, took([1000], 1, 320)],
  [ours.photos[0]!, took([1000], 1, 64)],
  [torch.photos[0]!, took([2000], 1, 64)],
);

test("ours is held against the fastest or the leanest of PyTorch's", () => {
  const rows = compare(fullSizes, ours, torch, findings);
  const row = (start: string, against: string) => {
    return rows.find((one) => one.what.startsWith(start) && one.against === against)!;
  };
  const best = row("training, R50x1, 32 x 128 px, fp32", "its best in fp32");
  assert.ok("variant" in best.theirs && best.theirs.variant === "channels_last");
  assert.equal(best.ratio, 2050 / 2100);
  assert.equal(best.reached, false);
  assert.equal(row("training, R50x1, 32 x 128 px, fp32", "as it comes").ratio, 3000 / 2100);
  const lean = row("peak memory of training, R50x1, 32 x 128 px, fp32", "its leanest in fp32");
  assert.equal(lean.ratio, 2 / 1.5);
  assert.equal(lean.reached, false);
  const cifar = row("CIFAR-10 pipeline", "our own training steps");
  // 320 images a second against 32 in 2.1 s.
  assert.ok(Math.abs(cifar.ratio! - 21) < 1e-9);
  assert.equal(cifar.reached, true);
  assert.equal(row("training, R50x1, 32 x 128 px, bf16", "its best of all").ratio, undefined);
});

test("the table says what is reached, by how much it is not, and what is left out", () => {
  const lines = comparisonLines(compare(fullSizes, ours, torch, findings));
  const cells = lines.map((line) => line.split("|").map((cell) => cell.trim()));
  const shown = (start: string, against: string) => {
    const found = cells.find(([, what, , held]) => what?.startsWith(start) && held === against);
    return found?.slice(1, -1);
  };
  assert.deepEqual(shown("training, R50x1, 32 x 128 px, fp32", "its best in fp32"), [
    "training, R50x1, 32 x 128 px, fp32",
    "2100 ms (2000 to 2200)",
    "its best in fp32",
    "2050 ms (2000 to 2300), channels_last",
    "0.98",
    ">= 1",
    "no: 2 % short, within the spread",
  ]);
  assert.ok(lines.some((line) => /fall short.*bench\/NOTES\.md/.test(line)));
  assert.deepEqual(shown("training, R50x1, 32 x 128 px, bf16", "as it comes"), [
    "training, R50x1, 32 x 128 px, bf16",
    "left out",
    "as it comes",
    "3000 ms (3000 to 3000), as it comes",
    "",
    ">= 1.9",
    "not measured",
  ]);
  const jpeg = shown("JPEG pipeline, 500 x 375", "DataLoader with Pillow")!;
  assert.deepEqual(jpeg.slice(1, 6), [
    "64 img/s (64 to 64)",
    "DataLoader with Pillow",
    "32 img/s (32 to 32)",
    "2.00",
    ">= 1.3",
  ]);
  assert.ok(lines.includes("- left out: the reason"));
});

test("without PyTorch our own figures stand alone", () => {
  const [row] = compare(fullSizes, ours, undefined, findings).filter(({ what }) => {
    return what === "training, R50x1, 32 x 128 px, fp32";
  });
  assert.ok("step" in row!.ours && "missing" in row!.theirs);
  assert.equal(row!.ratio, undefined);
});

test("a Markdown table has columns of equal width", () => {
  assert.deepEqual(markdownTable(["a", "b"], [["long", "1"]], 1), [
    "| a    |   b |",
    "| ---- | --: |",
    "| long |   1 |",
  ]);
});
