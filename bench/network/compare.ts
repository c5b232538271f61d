/**
 * Holds what `bit-bench --network` computes against measurements: reductions, and whole training steps if asked for, among
 * processes in network namespaces behind lines of limited rate, in turns with unlimited ones. Needs root, iproute2 and
 * the kernel's veth, bridge and tbf.
 *
 *   node dist/bench/network/compare.js [--ranks 2,3] [--rates 1Gb,10Gb] [--rounds 3] [--steps 5] [--train 4] [--wire bfloat16]
 *
 * `--train B` trains with B images a process instead.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { gradientReductions, sentBytes } from "../../src/bench/gradient-reductions.js";
import { measureRanks } from "../../src/bench/measure-ranks.js";
import {
  type MeasuredReduction,
  measureReduction,
  reductionCost,
} from "../../src/bench/reduction-cost.js";
import { bytesOnWire, computeReduction, parseNetworks } from "../../src/bench/ring.js";
import { spreadOf } from "../../src/bench/statistics.js";
import { openEngine } from "../../src/engine/open.js";
import type { WireType } from "../../src/graph/collectives.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { inPrecision } from "../../src/run/precision.js";
import { Namespaces } from "./namespaces.js";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "R50x1" },
    ranks: { type: "string", default: "2,3" },
    rates: { type: "string", default: "1Gb,10Gb" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "5" },
    train: { type: "string" },
    wire: { type: "string", default: "float32" },
    resolution: { type: "string", default: "128" },
  },
});
const architecture = parseArchitecture(flags.model);
const shapes = variableSpecs(architecture, 10).map(({ shape }) => shape);
const wire: WireType = flags.wire === "bfloat16" ? "bfloat16" : "float32";
const steps = Number(flags.steps);
/** Reductions besides, to tell the cost of a message. */
const small = 14;
const lines = [undefined, ...parseNetworks(flags.rates)];
const counts = flags.ranks.split(",").map(Number);

interface Result {
  readonly wallMs: number[];
  readonly cpuMs: number[];
  readonly wireBytes: number[];
  readonly measured: MeasuredReduction[];
}
const results = new Map<string, Result>();
// Namespaces outlive the process that made them.
let spaces: Namespaces | undefined;
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    spaces?.close();
    process.exit(1);
  });
for (let round = 0; round < Number(flags.rounds); round++)
  for (const ranks of counts)
    for (const line of lines) {
      const name = `${ranks} ${line?.name ?? "none"}`;
      const result = results.get(name) ?? { wallMs: [], cpuMs: [], wireBytes: [], measured: [] };
      results.set(name, result);
      spaces = new Namespaces(ranks, line?.bitsPerSecond);
      try {
        if (flags.train === undefined) await timeReductions(ranks, spaces, result);
        else await timeTraining(ranks, spaces, Number(flags.train), result);
      } finally {
        spaces.close();
      }
      const { median, min, max } = spreadOf(result.wallMs);
      const spread = [median, min, max].map((ms) => ms.toFixed(0)).join(", ");
      console.error(`round ${round}, ${name}: ${spread} ms, load ${loadavg()[0]!.toFixed(1)}`);
    }

async function timeReductions(ranks: number, spaces: Namespaces, result: Result): Promise<void> {
  const plan = { shapes, reductions: small, wire, steps, warmup: 1 };
  const measured = await measureReduction(ranks, plan, spaces.places());
  result.wallMs.push(measured.wall_ms.median);
  result.cpuMs.push(measured.cpu_ms.median);
  // The first, one to warm up, and those that are timed.
  const each = spaces.sentBytes().map((bytes) => bytes / (steps + 2));
  result.wireBytes.push(Math.max(...each));
  result.measured.push(measured);
}

async function timeTraining(
  ranks: number,
  spaces: Namespaces,
  batch: number,
  result: Result,
): Promise<void> {
  const resolution = Number(flags.resolution);
  const task = { mode: "train", batch, resolution, classes: 10, precision: "fp32" } as const;
  const work = { type: "train", model: flags.model, task, wire } as const;
  const measured = await measureRanks(ranks, { work, steps, warmup: 0 }, spaces.places());
  for (const {
    times: { step },
  } of measured) {
    result.wallMs.push(...step!.wallMs);
    result.cpuMs.push(...step!.cpuMs);
  }
  result.wireBytes.push(...spaces.sentBytes().map((bytes) => bytes / (steps + 1)));
}

const cores = availableParallelism();
const target = inPrecision(openEngine("cpu").target, "fp32");
const network = { architecture, classes: 10, target };
const bytes = sentBytes(shapes, wire);
console.log(`${cpus()[0]!.model}, ${cores} cores; ${flags.model}, ${bytes} bytes of gradients`);
for (const ranks of counts) {
  const reductions = (await gradientReductions(network, wire, ranks)).map((each) => each.bytes);
  const unlimited = results.get(`${ranks} none`)!;
  for (const line of lines) {
    const { wallMs, cpuMs, wireBytes, measured } = results.get(`${ranks} ${line?.name ?? "none"}`)!;
    const wall = spreadOf(wallMs);
    const sent = (2 * (ranks - 1) * bytes) / ranks;
    const told = [
      `${ranks} processes, ${line?.name ?? "no limit"}:`,
      `${wall.median.toFixed(0)} ms (${wall.min.toFixed(0)} to ${wall.max.toFixed(0)}),`,
      `processor ${spreadOf(cpuMs).median.toFixed(0)} ms each,`,
      `${(spreadOf(wireBytes).median / sent).toFixed(4)} bytes with frames' headers a byte`,
    ];
    // Each process has a share of the cores; what a reduction costs is taken from the first unlimited round.
    const [one] = unlimited.measured;
    if (line !== undefined && one !== undefined) {
      const cost = { ...reductionCost(one, cores), busyCores: cores / ranks };
      const { network_ms, cpu_ms, alone_ms } = computeReduction(
        { reductions, wire, cost },
        ranks,
        line,
      );
      told.push(
        `; computed: network ${network_ms.toFixed(0)}, processor ${cpu_ms.toFixed(0)}, in all`,
        `${alone_ms.toFixed(0)} ms, ${(alone_ms / wall.median).toFixed(2)} of the median, ${(alone_ms / wall.min).toFixed(2)} of the least`,
      );
    }
    for (const { small_wall_ms, one_wall_ms, none_wall_ms } of measured.slice(-1))
      told.push(
        `; ${small} small ${small_wall_ms.median.toFixed(1)} ms, one ${one_wall_ms.median.toFixed(1)}, none ${none_wall_ms.median.toFixed(1)}`,
      );
    console.log(told.join(" "));
  }
}
console.log(
  `the formula counts ${bytesOnWire.toFixed(4)} bytes a byte, gaps between frames included`,
);
