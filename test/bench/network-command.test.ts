/** `bit-bench --nproc N --network RATE` as it is typed. Figures are not judged: other programs run beside the tests. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOnWire } from "../../src/bench/ring.js";
import type { NetworkReport } from "../../src/cli/bench-network.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { repositoryRoot } from "../fixture-path.js";

const tiny = [
  ...["--model", "R14x0.5", "--batch", "2", "--resolution", "32", "--steps", "2"],
  ...["--warmup", "0", "--precision", "fp32"],
];

function bench(...flags: readonly string[]) {
  const script = join(repositoryRoot, "bin/bit-bench.js");
  return spawnSync(process.execPath, [script, ...tiny, ...flags], { encoding: "utf8" });
}

test("two processes reduce, and --json has all that was measured and computed", () => {
  const { stdout, stderr, status } = bench(
    "--device",
    "cpu",
    "--nproc",
    "2",
    "--network",
    "1Gb,10Gb",
    "--json",
  );
  assert.equal(status, 0, stderr);
  const report = JSON.parse(stdout) as NetworkReport;
  const { computation, reductions, loopback, cost, computed } = report;
  assert.deepEqual(
    [computation.model, computation.mode, computation.batch],
    ["R14x0.5", "train", 2],
  );
  assert.match(report.computation_by, /^(clock|processor)$/);
  const { cores, step_ms: step, step_cpu_ms: cpu } = computation;
  const computeMs = report.computation_by === "clock" ? step.median : cpu.median / cores;
  assert.equal(report.computation_ms, computeMs);
  // All arrays of so small a model are measured, but for the loss and the wish to stop.
  const bytes = reductions.reduce((sum, each) => sum + each.bytes, 0);
  assert.equal(loopback.bytes, bytes - 8);
  assert.equal(loopback.reductions, reductions.length - 1);
  assert.deepEqual([loopback.processes, loopback.small], [2, reductions.length]);
  for (const spread of [loopback.wall_ms, loopback.cpu_ms, loopback.small_wall_ms])
    assert.ok(spread.min > 0 && spread.min <= spread.median && spread.median <= spread.max);
  assert.ok(cost.byte_ms >= 0 && cost.message_ms >= 0 && cost.hop_ms >= 0);
  assert.ok(cost.busy_cores >= 1 && cost.busy_cores <= cores);
  assert.deepEqual(
    computed.map(({ machines, network, batch }) => [machines, network, batch]),
    [
      [2, "1Gb", 4],
      [2, "10Gb", 4],
    ],
  );
  for (const { network, reduction, overlapped, in_turn: inTurn } of computed) {
    assert.equal(reduction.sent_bytes, bytes);
    assert.equal(reduction.messages, 2 * reductions.length);
    const rate = network === "1Gb" ? 1e9 : 1e10;
    const networkMs = (8000 * bytesOnWire * bytes) / rate;
    assert.ok(Math.abs(reduction.network_ms - networkMs) <= 1e-9 * networkMs);
    for (const { step_ms, images_per_second, efficiency, overhead } of [overlapped, inTurn]) {
      assert.ok(step_ms > computeMs);
      assert.equal(images_per_second, 4000 / step_ms);
      assert.equal(efficiency, computeMs / step_ms);
      assert.equal(overhead, step_ms / computeMs - 1);
    }
  }
});

test("without --json it is said what was measured, and what computed", () => {
  const { stdout, stderr, status } = bench(
    "--device",
    "cpu",
    "--nproc",
    "3",
    "--network",
    "2.5Gb",
    "--reduce_dtype",
    "bf16",
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^R14x0\.5 train, fp32: 2 images of 32 x 32 a step on each machine, 10 /);
  assert.match(stdout, /^measured here:\n {2}computation /m);
  assert.match(stdout, /^ {2}gradients +4\.0 MB a step in 2 reductions of float32 and bfloat16$/m);
  assert.match(stdout, /^ {2}reduction +4\.0 MB among 3 processes over loopback in [\d.]+ ms/m);
  assert.match(stdout, /^computed, not measured:$/m);
  assert.match(stdout, /^ +2 +2\.5Gb +2 +4\.0 .* %$/m);
  assert.match(stdout, /^ +3 +2\.5Gb +2 +5\.4 .* %$/m);
});

test("what cannot be is told before anything is measured, exit 2", async () => {
  await cpuPlugin();
  const both = ["--nproc", "4", "--network", "10Gb"];
  const cases = [
    [["--nproc", "4"], /--nproc 4: no --network\n/],
    [["--network", "10Gb"], /--network 10Gb: no --nproc\n/],
    [["--reduce_dtype", "bf16"], /--reduce_dtype bf16: no --nproc\n/],
    [["--nproc", "1", "--network", "10Gb"], /--nproc 1: one machine has nothing to share/],
    [["--nproc", "0", "--network", "10Gb"], /--nproc: 0 is not possible/],
    [["--nproc", "4", "--network", "10GB"], /--network: "10GB" is not a rate\n.*1Gb/],
    [[...both, "--memory"], /--steps 2: --memory as well, with which nothing is measured/],
    [[...both, "--devices", "2"], /--devices 2: with --nproc 4/],
    [[...both, "--mode", "eval"], /--mode eval: with --nproc 4/],
    [
      [...both, "--device", "xla:cpu"],
      /--nproc 4: it computes on .*\n.*a CPU: on several machines/,
    ],
    [[...both, "--implementation", "eager-textbook"], /--implementation eager-textbook: with/],
  ] as const;
  for (const [flags, message] of cases) {
    const { stdout, stderr, status } = bench(...flags);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n +at /);
  }
});
