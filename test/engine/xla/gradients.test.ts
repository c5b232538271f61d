/** A step as the compiler has it: gradients against float64, memory that is used again, sums over devices. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FloatArray } from "../../../bench/gpu/made-values.js";
import { lowerStep, RunningStep, type StepRequest } from "../../../bench/gpu/step.js";
import { graphContestant } from "../../../src/bench/graph-contestant.js";
import { compileOrReuse } from "../../../src/engine/pjrt/program-cache.js";
import type { Graph } from "../../../src/graph/graph-builder.js";
import { graphCells } from "../../../src/graph/stablehlo/cells.js";
import { lowerProgram } from "../../../src/graph/stablehlo/program.js";
import { indexNodes, reachOf } from "../../../src/graph/stablehlo/reach.js";
import { parseArchitecture } from "../../../src/model/architecture.js";
import { client, xla } from "./engines.js";
import { Training, weighed } from "./training.js";

interface FirstStep {
  readonly loss: number;
  /** After the first step momentum is the gradient. */
  readonly gradients: ReadonlyMap<string, FloatArray>;
}

async function firstStep(type: StepRequest["type"]): Promise<FirstStep> {
  const request = { model: "R14x0.5", mode: "train", batch: 4, size: 16, type } as const;
  const lowered = await lowerStep(request);
  const { program } = await compileOrReuse(client, lowered.text);
  const step = await RunningStep.start(client, lowered, program);
  const before = step.donated();
  const stateBytes = lowered.donated.reduce((sum, i) => {
    const width = lowered.float === "float64" ? 8 : 4;
    return sum + lowered.inputs[i]!.shape.reduce((a, b) => a * b, width);
  }, 0);
  const [loss] = await step.result();
  const { aliased } = step.memory();
  assert.equal(aliased, stateBytes, "the whole state is written where it was");
  for (const buffer of before) {
    assert.equal(buffer.isHere, false);
    await assert.rejects(buffer.read(), /after it was donated/);
  }
  const gradients = new Map<string, FloatArray>();
  for (const { name } of lowered.cells)
    if (name.startsWith("momentum/")) gradients.set(name, await step.state(name));
  step.drop();
  program.close();
  return { loss: loss!, gradients };
}

const exact = await firstStep("float64");

for (const type of ["float32", "bfloat16"] as const)
  test(`gradients of ${type} are those of float64`, async (t) => {
    const { loss, gradients } = await firstStep(type);
    assert.ok(Math.abs(loss - exact.loss) < (type === "float32" ? 1e-5 : 0.02) * exact.loss);
    let [off, along, length, whole] = [0, 0, 0, 0];
    for (const [name, expected] of exact.gradients) {
      const got = gradients.get(name)!;
      assert.equal(got.length, expected.length);
      for (const [i, value] of expected.entries()) {
        off += (value - got[i]!) ** 2;
        along += value * got[i]!;
        length += got[i]! ** 2;
        whole += value ** 2;
      }
    }
    const apart = Math.sqrt(off / whole);
    const cosine = along / Math.sqrt(length * whole);
    t.diagnostic(`${apart.toExponential(1)} of its length apart, cosine ${cosine.toFixed(3)}`);
    // Groups of one pixel's few channels are steep: bfloat16's eight bits only point the same way.
    if (type === "float32") assert.ok(apart <= 1e-4, String(apart));
    else assert.ok(cosine >= 0.7, String(cosine));
  });

/** How often an operation stands in what XLA makes of a graph's step for two devices. */
async function opcodesOf(graph: Graph): Promise<(opcode: string) => number> {
  const index = indexNodes(graph.nodes);
  const cells = graphCells(graph.nodes);
  const fetches = ["train/step"];
  const { text } = lowerProgram(index, fetches, reachOf(index, fetches), cells, { partitions: 2 });
  const options = {
    devices: client.devices.slice(0, 2).map(({ id }) => id),
    partitions: 2,
    flags: {},
  };
  const { program } = await compileOrReuse(client, text, options);
  const hlo = Buffer.from(await program.optimizedHlo());
  program.close();
  // An instruction's opcode, the second field of its protobuf.
  return (opcode) => {
    const field = Buffer.concat([Buffer.from([0x12, opcode.length]), Buffer.from(opcode)]);
    let found = 0;
    for (let at = hlo.indexOf(field); at !== -1; at = hlo.indexOf(field, at + 1)) found++;
    return found;
  };
}

/** The engine of two devices, and the graph that is opened on it. */
function keeping() {
  const engine = xla(2);
  let graph: Graph | undefined;
  const open = (made: Graph) => {
    graph = made;
    return engine.open(made);
  };
  return { engine: { ...engine, open }, opened: () => graph! };
}

function assertShared(count: (opcode: string) => number): void {
  const sums = count("all-reduce") + count("all-reduce-start");
  assert.ok(count("convolution") + count("custom-call") + count("fusion") > 0, "opcodes are found");
  // All gradients and the loss meet at once; a plugin may put them into a few buckets.
  assert.ok(sums >= 1 && sums <= 4, `${sums} all-reduces`);
  for (const opcode of ["all-gather", "all-to-all", "reduce-scatter", "collective-permute"])
    assert.equal(count(opcode), 0, opcode);
}

for (const [what, trial] of [
  ["", {}],
  [", of weighed examples too", weighed],
] as const)
  test(`two devices add up gradients and loss, and nothing else${what}`, async () => {
    const { engine, opened } = keeping();
    const training = await Training.open(engine, trial);
    training.close();
    // Its images lie on both, and each makes its own share of them.
    const tables = opened().nodes.filter(({ op }) => op === "BitGatherResizeCrop").length;
    assert.equal(tables, engine.target.native.host ? 2 : 0);
    assertShared(await opcodesOf(opened()));
  });

test("so does a benchmark's step", async () => {
  const { engine, opened } = keeping();
  const architecture = parseArchitecture("R14x0.5");
  const task = { architecture, mode: "train", batch: 4, resolution: 32, classes: 10 } as const;
  const contestant = await graphContestant(engine, { ...task, precision: "fp32" });
  contestant.close();
  assertShared(await opcodesOf(opened()));
});
