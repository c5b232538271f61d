import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "../../bench/suite/comparison.js";
import {
  type ComparisonRow,
  comparisonRows,
  type RowsOptions,
  subjectsOf,
} from "../../bench/suite/comparison-rows.js";
import { comparisonLines } from "../../bench/suite/comparison-table.js";
import { fineTuningSubjects } from "../../bench/suite/fine-tuning.js";
import { type BenchData, ownSubjects } from "../../bench/suite/own-subjects.js";
import { processorKind } from "../../bench/suite/processor-kind.js";
import type { Outcome } from "../../bench/suite/report.js";
import { fullSizes } from "../../bench/suite/sizes.js";
import type { Subject } from "../../bench/suite/subject.js";
import {
  type TorchSetting,
  torchCommands,
  torchSubjects,
} from "../../bench/suite/torch-subjects.js";
import { markdownTable } from "../../src/bench/markdown.js";

const places = { root: "/repository", data: "/data" };
const data: BenchData = { archive: "a.npz", cifar: "cifar", photos: ["small", "large"] };
const ours = ownSubjects(fullSizes, places, data);
const torch = torchSubjects(fullSizes, torchCommands("python", places), data);
const kind = processorKind("vendor_id : AuthenticAMD\nflags : avx2 avx512f avx512_bf16\n");

function rowsFor(options: Partial<RowsOptions> = {}) {
  const fineTuning = fineTuningSubjects({
    ...{ sizes: fullSizes, places, archive: data.archive, python: "python" },
  });
  return comparisonRows({ sizes: fullSizes, kind, cores: 4, ours, torch, fineTuning, ...options });
}

const trainOf = (precision: "fp32" | "bf16") => ours.step({ mode: "train", precision });
const theirs = (setting: TorchSetting) => torch.step({ mode: "train", setting });

function found(...pairs: readonly (readonly [Subject, Outcome])[]) {
  return new Map(pairs.map(([{ id }, outcome]) => [id, [outcome]]));
}

function took(ms: readonly number[], peakGb: number, batch = 32): Outcome {
  return { steps_ms: ms, batch, peak_rss_bytes: peakGb * 1e9 };
}

const none = { missing: "left out: the reason" };

const findings = found(
  [trainOf("fp32"), took([2000, 2100, 2200], 2)],
  [trainOf("bf16"), none],
  [theirs("fp32"), took([3000], 1.9)],
  [theirs("channels_last"), took([2000, 2050, 2300], 1.5)],
  [theirs("compile"), { missing: "PyTorch failed: no compiler" }],
  [theirs("bf16"), none],
  [theirs("compile_bf16"), none],
  [ours.cifar, took([1000], 1, 320)],
  [ours.photos[0]!, took([1000], 1, 64)],
  [torch.photos[0]!, took([2000], 1, 64)],
);

test("ours is held against the fastest or the leanest of PyTorch's", () => {
  const rows = compare(rowsFor(), findings);
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
  const lines = comparisonLines(compare(rowsFor(), findings));
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
    ">= 1.3",
    "no: 25 % short",
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
  const [row] = compare(rowsFor({ torch: undefined }), findings).filter(({ what }) => {
    return what === "training, R50x1, 32 x 128 px, fp32";
  });
  assert.ok("step" in row!.ours && "missing" in row!.theirs);
  assert.equal(row!.ratio, undefined);
});

test("every row that is wanted is there, with the target of its kind of processor", () => {
  const targetsOn = (cpuinfo: string, title: string, against: string) => {
    const rows = rowsFor({ kind: processorKind(cpuinfo) });
    const found = rows.filter((one) => one.what === title && one.against === against);
    assert.equal(found.length, 1, `${title} against ${against}`);
    return found[0]!.target;
  };
  const amx = "vendor_id : GenuineIntel\nflags : avx2 avx512f avx512_bf16 amx_bf16\n";
  const zen4 = "vendor_id : AuthenticAMD\nflags : avx2 avx512f avx512_bf16\n";
  const zen3 = "vendor_id : AuthenticAMD\nflags : avx avx2\n";
  const base = "R50x1, 32 x 128 px";
  const wanted: [string, string, number, number, number | undefined][] = [
    [`training, ${base}, bf16`, "its best of all", 3, 1.6, undefined],
    [`training, ${base}, fp32`, "its best in fp32", 1.4, 1.3, 1.3],
    [`evaluation, ${base}, bf16`, "its best of all", 2.2, 1.5, undefined],
    [`evaluation, ${base}, fp32`, "its best in fp32", 1.4, 1.4, 1.4],
    [`peak memory of training, ${base}, bf16`, "its leanest in bf16", 0.95, 1, 1],
    ["training, R50x1, 32 x 224 px, bf16", "its best in bf16", 2.7, 1.44, undefined],
    ["evaluation, R50x1, 8 x 480 px, fp32", "its best in fp32", 1.26, 1.26, 1.26],
    ["training, R101x1, 32 x 128 px, fp32", "its best in fp32", 1.26, 1.17, 1.17],
    ["training, R50x3, 8 x 128 px, bf16", "its best in bf16", 2.7, 1.44, undefined],
    ["training, R50x1, 8 x 128 px, bf16", "its best in bf16", 2.7, 1.44, undefined],
    ["training, R50x1, 64 x 128 px, bf16", "its best in bf16", 2.7, 1.44, undefined],
  ];
  for (const [title, against, ...targets] of wanted)
    assert.deepEqual(
      [amx, zen4, zen3].map((cpuinfo) => targetsOn(cpuinfo, title, against)),
      targets,
      title,
    );
  const whole = "fine-tuning, R50x1, 1000 photos, 200 steps of 32 x 128 px";
  assert.equal(targetsOn(amx, whole, "timm, command to result"), 1.8);
  assert.equal(targetsOn(zen3, whole, "timm, command to result"), 1.4);
  const threads = (rows: readonly ComparisonRow[]) => {
    const found = rows.filter(({ against }) => against === "our own on 1 thread");
    return found.map(({ what, target }) => [what.replace(`${base}, `, ""), target]);
  };
  assert.deepEqual(threads(rowsFor({ cores: 4 })), [
    ["training, bf16, 2 threads", 1.8],
    ["training, bf16, 4 threads", 3.6],
    ["evaluation, bf16, 2 threads", 1.8],
    ["evaluation, bf16, 4 threads", 3.6],
  ]);
  assert.deepEqual(threads(rowsFor({ cores: 1 })), []);
  const slow = threads(rowsFor({ kind: processorKind(zen3), cores: 2 }));
  assert.deepEqual(slow[0], ["training, fp32, 2 threads", 1.8]);
});

test("rows that take long are measured where all are wanted, and printed always", () => {
  const rows = rowsFor();
  const ids = (all: boolean) => new Set(subjectsOf(rows, all).map(({ id }) => id));
  const onlyAll = [...ids(true)].filter((id) => !ids(false).has(id));
  assert.ok(onlyAll.includes("fine-tuning, R50x1"));
  assert.ok(
    onlyAll.some((id) => id.includes("R50x3")) && !onlyAll.some((id) => id === "first step"),
  );
  const lines = comparisonLines(compare(rows, findings));
  assert.ok(lines.some((line) => /^\| fine-tuning, .*not measured/.test(line)));
  assert.ok(lines.some((line) => line.includes("--against torch --all")));
  // Subjects that differ have names that differ: the number of threads and the size are in them.
  const all = rows.flatMap((row) => [row.ours, ...row.theirs]);
  const commands = new Map(all.map(({ id, title }) => [id, title]));
  assert.equal(new Set(commands.values()).size, commands.size);
});

test("the build before stands beside this one where it is given", () => {
  const withBefore = ownSubjects(fullSizes, { ...places, before: "/before" }, data);
  const rows = rowsFor({ ours: withBefore }).filter(
    ({ against }) => against === "our build before",
  );
  assert.deepEqual(
    rows.map(({ target }) => target),
    [1.12, undefined, undefined, undefined],
  );
  for (const { ours: now, theirs: before } of rows) assert.notEqual(now.id, before[0]!.id);
});

test("a Markdown table has columns of equal width", () => {
  assert.deepEqual(markdownTable(["a", "b"], [["long", "1"]], 1), [
    "| a    |   b |",
    "| ---- | --: |",
    "| long |   1 |",
  ]);
});
