/** The commands as they are typed. Figures are not judged: other programs run beside the tests. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { BenchReport } from "../../src/bench/measure.js";
import { cacheFolder } from "../../src/engine/installed.js";
import { defaultPrecision } from "../../src/run/precision.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { quickCompiler } from "../engine/xla/quick-compiler.js";
import { engine } from "../engine-for-tests.js";
import { repositoryRoot } from "../fixture-path.js";

function type(...command: readonly string[]) {
  const [script, ...flags] = command;
  return spawnSync(process.execPath, [join(repositoryRoot, script!), ...flags], {
    encoding: "utf8",
    cwd: repositoryRoot,
  });
}

const size = ["--model", "R14x0.5", "--batch", "2", "--resolution", "32", "--steps", "3"];
const tiny = [...size, "--precision", "fp32"];

/** A mistake is told in one message, without a stack, and nothing else is printed. */
function assertRefused(flags: readonly string[], message: RegExp): void {
  const { stdout, stderr, status } = type("bin/bit-bench.js", ...tiny, ...flags);
  assert.equal(status, 2, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /\n +at /);
}

test("bit-bench --json prints one object with every figure", () => {
  for (const mode of ["train", "eval"]) {
    const { stdout, stderr, status } = type("bin/bit-bench.js", ...tiny, "--mode", mode, "--json");
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as BenchReport;
    assert.equal(report.model, "R14x0.5");
    assert.equal(report.mode, mode);
    assert.equal(report.implementation, "graph");
    assert.equal(report.precision, "fp32");
    assert.match(report.engine, /^TensorFlow \d+\.\d+\.\d+ \(\w+\)$/);
    assert.match(report.device, /^(CPU|GPU)$/);
    assert.ok(report.cores >= 1);
    assert.equal(report.steps_ms.length, 3);
    // The median of three is the middle one; the same division gives the same number.
    const middle = report.steps_ms.toSorted((a, b) => a - b)[1]!;
    assert.equal(report.step_ms.median, middle);
    assert.equal(report.images_per_second, 2000 / middle);
    // The native library alone takes over 100 MB; a tiny model does not take 5 GB.
    assert.ok(report.peak_rss_bytes > 1e8 && report.peak_rss_bytes < 5e9);
    assert.deepEqual(Object.keys(report.preparation_ms), ["trace", "load", "variables"]);
    assert.ok(Number.isFinite(report.last_loss));
  }
});

test("bit-bench computes in the device's fastest type where none is named", () => {
  const { stdout, stderr, status } = type("bin/bit-bench.js", ...size, "--mode", "eval", "--json");
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as BenchReport).precision, defaultPrecision(engine.target));
});

test("bit-bench without --json says it in lines", () => {
  const { stdout, stderr, status } = type("bin/bit-bench.js", ...tiny, "--mode", "eval");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^R14x0\.5 eval, graph, fp32: 2 images of 32 x 32, 10 classes\n/);
  assert.match(stdout, /^images\/s +\d+\.\d$/m);
  assert.match(stdout, /^peak memory \d\.\d\d GB$/m);
});

test("bit-bench says by what convolutions of bfloat16 are computed, and why", () => {
  if (!engine.target.native.layers) return;
  const bench = (tiles: string) => {
    const env = { ...process.env, BIT_TILES: tiles };
    const flags = [...size, "--precision", "bf16", "--device", "cpu"];
    const script = join(repositoryRoot, "bin/bit-bench.js");
    return spawnSync(process.execPath, [script, ...flags], { encoding: "utf8", env });
  };
  const plain = bench("plain");
  assert.equal(plain.status, 0, plain.stderr);
  assert.match(
    plain.stdout,
    /^computes +Convolutions .*, on plain tiles, which are slow, with group normalization \(BIT_TILES=plain\)$/m,
  );
  assert.match(plain.stdout, /^settings .*BIT_TILES=plain/m);
  const off = bench("off");
  assert.equal(off.status, 0, off.stderr);
  assert.match(off.stdout, /^computes +Convolutions of bfloat16 are .* \(BIT_TILES=off\)$/m);
  const unknown = bench("amx_bf16");
  assert.equal(unknown.status, 2, unknown.stdout);
  assert.match(unknown.stderr, /BIT_TILES: "amx_bf16"/);
});

test("what devices cannot share, and what they do not compute, is not measured", async () => {
  await cpuPlugin();
  const cases = [
    [["--device", "xla:cpu:2", "--batch", "3"], /--batch: 3 images .* by 2 devices/],
    [["--device", "xla:cpu", "--implementation", "eager-textbook"], /add --device cpu/],
    [["--device", "xla:cpu", "--devices", "4"], /--batch: 2 images .* by 4 devices/],
    [["--device", "cpu", "--devices", "2"], /--devices 2: TensorFlow computes .* one device/],
    [["--device", "gpu:0,1", "--devices", "4"], /--devices 4: --device gpu:0,1 names 2/],
  ] as const;
  for (const [flags, message] of cases) assertRefused(flags, message);
});

test("--devices: one device and two compute the same step, and how it scales is said", async () => {
  await cpuPlugin();
  const env = { ...process.env, ...quickCompiler };
  const args = [...tiny, "--device", "xla:cpu", "--devices", "2"];
  const script = join(repositoryRoot, "bin/bit-bench.js");
  const run = (...more: string[]) => {
    return spawnSync(process.execPath, [script, ...args, ...more], { encoding: "utf8", env });
  };
  const { stdout, stderr, status } = run("--json");
  assert.equal(status, 0, stderr);
  const [one, two] = JSON.parse(stdout) as [BenchReport, BenchReport];
  assert.deepEqual([one.devices, two.devices], [1, 2]);
  assert.match(two.engine, /simulated device 0, simulated device 1/);
  // The same images; the order of float32's sums differs.
  assert.ok(Math.abs(two.first_loss - one.first_loss) <= 1e-5 * one.first_loss);
  const told = run();
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, /^devices +images\/s +step, ms +of one's speed +each +first loss$/m);
  assert.match(told.stdout, /^ +1 .* 1\.00 x +100 % +\d+\.\d{5}$/m);
  assert.match(told.stdout, /^ +2 +\d+\.\d .* x +\d+ % +\d+\.\d{5}$/m);
});

test("a mistake is told in one message, exit 2", () => {
  const cases = [
    [["--precision", "bf16", "--implementation", "eager-textbook"], /TF\.js computes in no other/],
    [["--steps", "0"], /--steps: 0 is not possible/],
    [["--model", "VGG16"], /no depth and width in the name/],
    [["--mode", "predict"], /mode/],
  ] as const;
  for (const [flags, message] of cases) assertRefused(flags, message);
});

test("npm run bench measures every row and prints the tables", () => {
  const cache = mkdtempSync(join(tmpdir(), "bit-bench-test-"));
  try {
    // The engine is where it is; what the benchmark makes for itself goes elsewhere.
    symlinkSync(join(cacheFolder(), "engine"), join(cache, "engine"));
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(repositoryRoot, "scripts/bench.mjs"), "--quick"],
      { encoding: "utf8", cwd: repositoryRoot, env: { ...process.env, BIT_CACHE: cache } },
    );
    assert.equal(status, 0, stderr);
    for (const mode of ["train", "eval"]) {
      assert.match(stdout, new RegExp(`^\\| ${mode}, graph +\\| fp32 `, "m"));
      assert.match(
        stdout,
        new RegExp(`^\\| ${mode}, eager textbook +\\| fp32 .* 1\\.00 \\|$`, "m"),
      );
    }
    for (const what of ["command to first step", "JPEG pipeline, 160 x 120", "R14x0.5 of 100"])
      assert.match(stdout, new RegExp(`^\\| ${what}[^|]*\\| +\\d+ (ms|img/s) \\(`, "m"));
    assert.match(stdout, /^\| CIFAR-10 pipeline[^|]*\| +\d+ img\/s .* \| +\d+\.\d\d \|/m);
    assert.match(stdout, /^- A step takes .* for each image, off by at most \d+ %\.$/m);
    assert.match(stdout, /^- Its peak of memory is /m);
  } finally {
    rmSync(cache, { recursive: true });
  }
});

test("npm run bench refuses what it does not know", () => {
  const { stderr, status } = type("scripts/bench.mjs", "--against", "jax");
  assert.equal(status, 2, stderr);
  assert.match(stderr, /does not know --against jax/);
});
