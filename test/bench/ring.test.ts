/** What a step takes on several machines, against numbers that were computed by hand and a ring that is gone through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gradientReductions } from "../../src/bench/gradient-reductions.js";
import {
  type MeasuredReduction,
  measuredShapes,
  reductionCost,
} from "../../src/bench/reduction-cost.js";
import {
  bytesOnWire,
  computeReduction,
  computeStep,
  machineCounts,
  parseNetworks,
} from "../../src/bench/ring.js";
import { UserError } from "../../src/errors.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { engine } from "../engine-for-tests.js";

/** Floating-point sums in another order than by hand. */
function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.abs(expected), `${actual}, not ${expected}`);
}

const [gigabit] = parseNetworks("1Gb");
const cost = { byteMs: 2e-6, messageMs: 0.25, hopMs: 0.5, busyCores: 2 };
const parts = {
  batch: 32,
  computeMs: 1500,
  reductions: [60e6, 40e6],
  wire: "float32",
  cost,
  cores: 4,
} as const;

test("a step on four machines is what comes of it by hand", () => {
  const step = computeStep(parts, 4, gigabit!);
  const { reduction, overlapped, in_turn: inTurn } = step;
  assert.deepEqual([step.machines, step.network, step.batch], [4, "1Gb", 128]);
  // 2 * 3 / 4 of 100 MB; 2 * 3 messages of each of two arrays.
  assert.equal(reduction.sent_bytes, 150e6);
  assert.equal(reduction.messages, 12);
  // 150 MB * 8 bits at 10^9 bits a second are 1200 ms; with headers 1538 / 1448 * 1.0012817 of it.
  assertNear(reduction.network_ms, 1276.22);
  assert.equal(reduction.hops_ms, 3);
  // 150e6 * 2e-6 + 12 * 0.25.
  assertNear(reduction.cpu_ms, 303);
  // The network's, 60 % of 303 / 2, and the hops.
  assertNear(reduction.alone_ms, 1276.22 + 90.9 + 3);
  assertNear(inTurn.step_ms, 1500 + 1370.12);
  // 303 / 4 of the cores; the last array, 40 % of the network's time, is later than what 1000 ms leave.
  assertNear(overlapped.step_ms, 1500 + 75.75 + 510.488 + 3);
  assertNear(overlapped.images_per_second, 128_000 / 2089.238);
  assertNear(overlapped.efficiency, 1500 / 2089.238);
  assertNear(overlapped.overhead, 589.238 / 1500);
});

test("what gradients leave of a slow network's time is not hidden", () => {
  const [slow] = parseNetworks("250Mb");
  const { overlapped } = computeStep(parts, 4, slow!);
  // 5104.88 ms, 1000 of them during the gradients.
  assertNear(overlapped.step_ms, 1500 + 75.75 + 4104.88 + 3);
});

test("a fast network waits for the processor", () => {
  const [fast] = parseNetworks("100Gb");
  // 303 / 2, 60 % of 12.7622, and the hops.
  assertNear(computeReduction(parts, 4, fast!).alone_ms, 151.5 + 7.657 + 3);
});

test("what is sent as bfloat16 goes directly: as many bytes a byte, two waits", () => {
  const narrow = { ...parts, wire: "bfloat16" } as const;
  const direct = computeReduction(narrow, 4, gigabit!);
  assert.deepEqual(
    { ...computeReduction(parts, 4, gigabit!), hops_ms: 1, alone_ms: direct.alone_ms },
    direct,
  );
  assertNear(direct.alone_ms, 1276.22 + 90.9 + 1);
});

test("each machine of a ring sends what the formula says", () => {
  for (const machines of [2, 3, 4, 7, 64]) {
    // RingAlg: chunk c begins its sums at rank c and ends them before it, then goes round once more from there.
    const sent = new Array<number>(machines).fill(0);
    for (let chunk = 0; chunk < machines; chunk++) {
      for (let hop = 0; hop < machines - 1; hop++) {
        sent[(chunk + hop) % machines]!++;
        sent[(chunk + machines - 1 + hop) % machines]!++;
      }
    }
    const { messages, sent_bytes } = computeReduction(
      { ...parts, reductions: [machines * 1000] },
      machines,
      gigabit!,
    );
    assert.deepEqual(sent, new Array(machines).fill(messages));
    assert.equal(sent_bytes, messages * 1000);
  }
});

test("headers are those of frames of 1500 bytes", () => {
  // 14 and 4 bytes of Ethernet, 8 of preamble, 12 of gap; 20 of IP, 32 of TCP with time stamps.
  const frames = (1500 + 14 + 4 + 8 + 12) / (1500 - 20 - 32);
  assert.ok(bytesOnWire > frames && bytesOnWire < 1.002 * frames);
});

test("machines are doubled up to the most", () => {
  assert.deepEqual(machineCounts(2), [2]);
  assert.deepEqual(machineCounts(6), [2, 4, 6]);
  assert.deepEqual(machineCounts(64), [2, 4, 8, 16, 32, 64]);
});

test("rates of networks are read", () => {
  assert.deepEqual(parseNetworks("1Gb, 2.5Gb,100Mb"), [
    { name: "1Gb", bitsPerSecond: 1e9 },
    { name: "2.5Gb", bitsPerSecond: 2.5e9 },
    { name: "100Mb", bitsPerSecond: 1e8 },
  ]);
  for (const text of ["", "10", "10GB", "0Gb", "-1Gb", "1Gb,", "fast", "1e3Mb"])
    assert.throws(() => parseNetworks(text), UserError, text);
});

test("costs are what measurements differ by", () => {
  const spread = (median: number, min = median) => ({ median, min, max: median, iqr: 0 });
  const measured: MeasuredReduction = {
    ...{ processes: 2, wire: "float32", bytes: 100e6, reductions: 10, small: 20 },
    ...{ wall_ms: spread(250, 200), cpu_ms: spread(215.5) },
    ...{ small_wall_ms: spread(12), small_cpu_ms: spread(10.5), one_wall_ms: spread(2) },
    ...{ none_wall_ms: spread(0.8), none_cpu_ms: spread(0.5) },
  };
  const { byteMs, messageMs, hopMs, busyCores } = reductionCost(measured, 2);
  // 10 ms by 2 hops of 20; then 215 ms less 20 of these, by 100 MB.
  assertNear(messageMs, 0.25);
  assertNear(byteMs, 210e-8);
  assertNear(hopMs, 0.6);
  // 431 ms of processor time in 200, but there are two cores.
  assert.equal(busyCores, 2);
  assertNear(reductionCost(measured, 8).busyCores, 2.155);
  // Noise is no gain.
  const none = reductionCost({ ...measured, cpu_ms: spread(0.1), small_cpu_ms: spread(0.1) }, 2);
  assert.deepEqual([none.byteMs, none.messageMs, none.busyCores], [0, 0, 1]);
});

test("what a step reduces is every parameter's gradient, the loss and the wish to stop", async () => {
  const architecture = parseArchitecture("R14x0.5");
  const { target } = engine;
  const network = { architecture, classes: 10, target };
  const reductions = await gradientReductions(network, "float32", 2);
  const parameters = variableSpecs(architecture, 10)
    .map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    .reduce((sum, size) => sum + size, 0);
  assert.equal(
    reductions.reduce((sum, { bytes }) => sum + bytes, 0),
    4 * (parameters + 2),
  );
  assert.ok(reductions.every(({ type }) => type === "float32"));
  const narrow = await gradientReductions(network, "bfloat16", 2);
  assert.deepEqual(
    narrow.map(({ type, bytes }) => (type === "bfloat16" ? 2 * bytes : bytes)),
    reductions.map(({ bytes }) => bytes),
  );
  assert.equal(narrow.filter(({ type }) => type === "float32").length, 1);
});

test("many machines reduce less often, so that messages stay half a megabyte", async () => {
  const architecture = parseArchitecture("R50x1");
  const network = { architecture, classes: 10, target: engine.target };
  const bytesOf = async (machines: number) => {
    const reductions = await gradientReductions(network, "float32", machines);
    return reductions.map(({ bytes }) => bytes);
  };
  const total = (bytes: number[]) => bytes.reduce((sum, each) => sum + each, 0);
  const [two, sixteen, many] = [await bytesOf(2), await bytesOf(16), await bytesOf(64)];
  assert.deepEqual(sixteen, two);
  assert.equal(total(many), total(two));
  // The first one tells of the wish to stop. Of the others, an array more would be too large: 9.4 MB are the largest.
  const [, ...gradients] = many;
  assert.ok(gradients.every((bytes) => bytes > 2 ** 25 - 9.5e6 && bytes <= 2 ** 25));
});

test("of a large model a part is measured", () => {
  const large = [
    [1000, 1000],
    [9000, 1000],
    [9000, 3000],
    [1000, 1000],
  ];
  // 4, 36, 108 and 4 MB: the last two, as 148 are more than 128 MiB.
  assert.deepEqual(measuredShapes(large), large.slice(2));
  // One that is larger by itself.
  assert.deepEqual(
    measuredShapes([
      [10, 10],
      [40_000, 1000],
    ]),
    [[40_000, 1000]],
  );
});
