/** Which runs are the host's, which move values, and which are programs of the device's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../../../src/engine/xla/plan.js";
import { type Graph, GraphBuilder } from "../../../src/graph/graph-builder.js";
import { indexNodes } from "../../../src/graph/stablehlo/reach.js";
import { plainTarget } from "../../../src/graph/target.js";
import { parseArchitecture } from "../../../src/model/architecture.js";
import { openTrainProgram } from "../../../src/step/program.js";
import { declareVariable } from "../../../src/step/variables.js";
import { engine } from "../../engine-for-tests.js";

/** The graph of a training program, which is not opened. */
async function trainGraph(split: number): Promise<Graph> {
  let graph: Graph | undefined;
  const pixels = new Uint8Array(8 * 16 * 16 * 3);
  const images = { kind: "pixels", pixels, height: 16, width: 16 } as const;
  const part = { images, labels: new Int32Array(8) };
  const network = {
    architecture: parseArchitecture("R14x0.5"),
    classes: 3,
    target: { ...plainTarget, native: { ...plainTarget.native, host: engine.target.native.host } },
  } as const;
  const options = { microBatch: 4, split, mixup: false, evalBatch: 4, workers: 1 };
  const open = (made: Graph) => {
    graph = made;
    return { run: () => Promise.reject(new Error("not run")), close: () => {} };
  };
  const resolution = { precrop: 16, crop: 16 };
  const data = { train: part, val: part };
  await openTrainProgram(open, network, data, { ...options, resolution });
  return graph!;
}

const whole = indexNodes((await trainGraph(1)).nodes);
const split = indexNodes((await trainGraph(2)).nodes);

test("a step, its parts and an evaluation are programs, which take from one iterator each", () => {
  for (const [index, fetches, iterator] of [
    [whole, ["train/step"], "IteratorV2"],
    [split, ["train/accumulate"], "IteratorV2"],
    [split, ["train/finish"], "IteratorV2"],
    [whole, ["eval/loss", "eval/top"], "IteratorV2_1"],
  ] as const) {
    const plan = planOf(index, fetches);
    assert.equal(plan.kind, "program");
    assert.deepEqual(plan.kind === "program" && plan.host.iterators, [iterator]);
    // Nothing is fed: what the host gives can be asked for before a run is.
    assert.deepEqual(plan.kind === "program" && plan.host.feeds, []);
  }
});

test("the parts of a batch take the same values of the host's", () => {
  const [a, b] = ["train/accumulate", "train/finish"].map((fetch) => planOf(split, [fetch]));
  assert.ok(a?.kind === "program" && b?.kind === "program");
  assert.deepEqual([...a.host.nodes].sort(), [...b.host.nodes].sort());
});

test("a pipeline's start is the host's, which then begins anew", () => {
  const plan = planOf(whole, ["train_images/started"]);
  assert.deepEqual(plan, { kind: "host", restarts: ["IteratorV2"] });
});

test("variables are set and read without a program", () => {
  const name = "resnet/head/conv2d/bias";
  const set = planOf(whole, [`${name}/assigned`]);
  assert.ok(set.kind === "transfer");
  assert.deepEqual(set.writes, [{ variable: name, from: { kind: "feed", name: `${name}/new` } }]);
  assert.deepEqual(set.reads, [undefined]);
  const read = planOf(whole, [`${name}/read`, `momentum/${name}/read`]);
  assert.ok(read.kind === "transfer");
  assert.deepEqual(read.reads, [name, `momentum/${name}`]);
  assert.deepEqual(read.writes, []);
});

test("momentum's zeros are a constant, and archives are read by the host", () => {
  const zeros = planOf(split, ["train/initialize"]);
  assert.ok(zeros.kind === "transfer");
  assert.ok(zeros.writes.every((write) => write.from.kind === "constant"));
  const networks = [...whole.values()].filter(({ op }) => op === "VarHandleOp").length / 2;
  // Momentum, and with a divided batch what is summed up.
  assert.equal(zeros.writes.length, 2 * networks);
  if (!engine.target.native.host) return;
  const loads = planOf(whole, ["load_0/done"]);
  assert.ok(loads.kind === "transfer");
  assert.ok(loads.writes.every((write) => write.from.kind === "host"));
  assert.deepEqual(loads.host.feeds, ["load_0/places"]);
});

test("what only the host can do beside a program is refused", () => {
  const builder = new GraphBuilder();
  const variable = declareVariable(builder, { name: "a", shape: [] });
  const printed = builder.add("Print", [], {}, [])[0];
  builder.fetchable("out", variable.read, [printed]);
  const index = indexNodes(builder.build().nodes);
  assert.throws(() => planOf(index, ["out"]), /Print is for the host alone/);
});
