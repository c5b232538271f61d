import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { processorKind } from "../../bench/suite/processor-kind.js";
import { resultsList, writeResults } from "../../bench/suite/results-pages.js";
import { repositoryRoot } from "../fixture-path.js";

test("a kind of processor is its maker and the best of its instructions", () => {
  const kinds: [string, string, string][] = [
    [
      "vendor_id\t: GenuineIntel\nflags\t\t: fma avx2 avx512f avx512_bf16 amx_bf16 amx_tile\n",
      "intel-amx",
      "Intel, AMX",
    ],
    [
      "vendor_id\t: AuthenticAMD\nflags\t\t: avx2 avx512f avx512_bf16\n",
      "amd-avx512-bf16",
      "AMD, AVX-512 BF16",
    ],
    [
      "vendor_id\t: GenuineIntel\nflags\t\t: avx2 avx512f avx512_vnni\n",
      "intel-avx512",
      "Intel, AVX-512",
    ],
    ["vendor_id\t: AuthenticAMD\nflags\t\t: sse4_2 avx avx2\n", "amd-avx2", "AMD, AVX2"],
    ["CPU implementer\t: 0x41\nFeatures\t: fp asimd sve i8mm bf16\n", "arm-bf16", "Arm, BF16"],
    ["Features\t: fp asimd\nCPU implementer\t: 0x41\n", "arm-neon", "Arm, Neon"],
    ["", "other-other", "unknown maker, other instructions"],
  ];
  for (const [cpuinfo, name, words] of kinds) {
    const kind = processorKind(cpuinfo);
    assert.deepEqual([kind.name, kind.words], [name, words]);
  }
});

test("a run's page replaces that of its kind alone, and the list has them all", async () => {
  const root = mkdtempSync(join(tmpdir(), "bit-bench-results-"));
  try {
    mkdirSync(join(root, "bench"));
    const zen3 = processorKind("vendor_id : AuthenticAMD\nflags : avx2\n");
    const amx = processorKind("vendor_id : GenuineIntel\nflags : amx_bf16\n");
    const table = ["| a | yes |", "| b | no: 3 % short |", "| c | no target |", ""];
    await writeResults(root, zen3, ["old"]);
    await writeResults(root, amx, [
      ...table,
      "- Intel Xeon 6, 8 cores, avx2",
      "- PyTorch 2.13.0 (AMX)",
    ]);
    const page = await writeResults(root, zen3, ["new"]);
    assert.equal(readFileSync(page, "utf8"), "# Results: AMD, AVX2\n\nnew\n");
    const list = readFileSync(join(root, "bench/RESULTS.md"), "utf8");
    assert.match(list, /^\| \[AMD, AVX2\]\(results\/amd-avx2\.md\) +\|/m);
    assert.match(
      list,
      /^\| \[Intel, AMX\]\(results\/intel-amx\.md\) +\| Intel Xeon 6 +\| PyTorch 2\.13\.0 +\| 1 of 2 +\|$/m,
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("the list in the repository is that of its pages", async () => {
  const list = readFileSync(join(repositoryRoot, "bench/RESULTS.md"), "utf8");
  assert.equal(list, await resultsList(join(repositoryRoot, "bench/results")));
});
