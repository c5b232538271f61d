/** A small step of training as a program: its text, its inputs and outputs, and what is refused. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import type * as tf from "@tensorflow/tfjs";
import { valueAndGrads } from "@tensorflow/tfjs";
import { attribute } from "../../../src/graph/attributes.js";
import { GraphBuilder } from "../../../src/graph/graph-builder.js";
import type { Output } from "../../../src/graph/node-list.js";
import { graphCells } from "../../../src/graph/stablehlo/cells.js";
import {
  type LoweringOptions,
  lowerProgram,
  type StableHloProgram,
} from "../../../src/graph/stablehlo/program.js";
import { indexNodes, reachOf } from "../../../src/graph/stablehlo/reach.js";
import { plainTarget } from "../../../src/graph/target.js";
import { trace } from "../../../src/graph/trace.js";
import { groupNormRelu, standardizedConv } from "../../../src/model/layers.js";
import { declareVariable, type GraphVariable } from "../../../src/step/variables.js";
import { fixturePath } from "../../fixture-path.js";

/** A convolution with padding and stride 2, group normalization, and a momentum update. */
async function smallStep(momenta: readonly number[] = [0.9, 0.9, 0.9]): Promise<GraphBuilder> {
  const builder = new GraphBuilder();
  const specs = [
    { name: "net/kernel", shape: [3, 3, 8, 32] },
    { name: "net/gamma", shape: [32] },
    { name: "net/beta", shape: [32] },
  ];
  const variables = specs.map((spec) => declareVariable(builder, spec));
  const velocities = specs.map(({ name, shape }) =>
    declareVariable(builder, { name: `momentum/${name}`, shape }),
  );
  // What no lowering knows: the host makes it.
  const images = builder.one("MadeByTheHost", [], {}, { type: "float32", shape: [4, 5, 6, 8] });
  const { loss, gradients } = await trace(builder, plainTarget, (graph) => {
    const { value, grads } = valueAndGrads((...values: tf.Tensor[]) => {
      const [kernel, gamma, beta] = values as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
      const x = standardizedConv(graph.tensor<tf.Rank.R4>(images), kernel, 2);
      return groupNormRelu(x, gamma, beta).mean<tf.Scalar>();
    })(variables.map(({ read }) => graph.tensor(read)));
    return { loss: graph.float32(value), gradients: grads.map((grad) => graph.float32(grad)) };
  });
  const rate = builder.placeholder("rate", "float32", []);
  const updates = variables.map(({ handle }, i) => {
    const momentum = builder.constant("float32", [], [momenta[i]!]);
    return updated(builder, [handle, velocities[i]!.handle, rate, gradients[i]!, momentum]);
  });
  builder.fetchable("step", loss, updates);
  return builder;
}

function updated(builder: GraphBuilder, args: readonly Output[]): Output {
  const attrs = {
    T: attribute.type("float32"),
    use_locking: attribute.bool(false),
    use_nesterov: attribute.bool(false),
  };
  return builder.add("ResourceApplyMomentum", args, attrs, [])[0];
}

function lowered(
  builder: GraphBuilder,
  fetches: readonly string[],
  options: LoweringOptions = {},
): StableHloProgram {
  const { nodes } = builder.build();
  const index = indexNodes(nodes);
  const cells = graphCells(nodes);
  return lowerProgram(index, fetches, reachOf(index, fetches), cells, options);
}

/** Compares with a file; writes it where UPDATE_SNAPSHOTS is set, to be looked at before it is kept. */
function assertSnapshot(name: string, text: string): void {
  const path = fixturePath(`stablehlo/${name}`);
  if (process.env["UPDATE_SNAPSHOTS"] !== undefined || !existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(
    text,
    readFileSync(path, "utf8"),
    "UPDATE_SNAPSHOTS=1 writes what is meant to change",
  );
}

test("the text of a small step on one device", async () => {
  const { text, inputs, outputs, donated } = lowered(await smallStep(), ["step"]);
  assertSnapshot("step.mlir", text);
  assert.deepEqual(
    inputs.map(({ from, name, shape }) => [from, name, shape.join()]),
    [
      ["cell", "net/kernel", "32,3,3,8"],
      ["cell", "momentum/net/kernel", "32,3,3,8"],
      ["cell", "net/*", "64"],
      ["cell", "momentum/*", "64"],
      ["feed", "rate", ""],
      ["host", "MadeByTheHost", "4,5,6,8"],
    ],
  );
  assert.deepEqual(donated, [0, 1, 2, 3]);
  // In the order in which they came in, so that each takes the memory of its former value.
  assert.deepEqual(
    outputs.map(({ to, name }) => [to, name]),
    [...inputs.slice(0, 4).map(({ name }) => ["cell", name]), ["fetch", "step"]],
  );
});

test("the same step on two devices: the host's part is divided, all else is whole", async () => {
  const { text } = lowered(await smallStep(), ["step"], { partitions: 2 });
  const [, args, results] = /@main\((.*?)\) -> \((.*?)\) \{/.exec(text)!;
  const shardings = (list: string) => list.match(/(?<=mhlo.sharding = ")[^"]*/g);
  const whole = "{replicated}";
  assert.deepEqual(shardings(args!), [...Array(5).fill(whole), "{devices=[2,1,1,1]<=[2]}"]);
  assert.deepEqual(shardings(results!), Array(5).fill(whole));
  const without = text
    .replace("num_partitions = 2", "num_partitions = 1")
    .replace(/mhlo.sharding = "[^"]*"(?:, )?/g, "")
    .replaceAll(" {}", "");
  assert.equal(without, readFileSync(fixturePath("stablehlo/step.mlir"), "utf8"));
});

test("products are kept exact where that is asked for", async () => {
  const { text } = lowered(await smallStep(), ["step"], { precision: "HIGHEST" });
  assert.equal(text.match(/precision HIGHEST/g)?.length, 4, "two factors of two convolutions");
  assert.doesNotMatch(text, /precision DEFAULT/);
});

test("equal graphs give equal text", async () => {
  const texts = [await smallStep(), await smallStep()].map((one) => lowered(one, ["step"]).text);
  assert.equal(texts[0], texts[1]);
});

/** Variables `a/x` and `a/y`, in one cell, and an update of some of them. */
function withUpdates(update: (builder: GraphBuilder, variables: GraphVariable[]) => Output[]) {
  const builder = new GraphBuilder();
  const variables = ["a/x", "a/y"].map((name) => declareVariable(builder, { name, shape: [2] }));
  builder.fetchable("done", builder.ints(0), update(builder, variables));
  return builder;
}

const dtype = { dtype: attribute.type("float32") };

test("an update of a part of a cell is refused where it cannot be done to the whole", async () => {
  const one = withUpdates((builder, [x, y]) => {
    const added = (handle: Output) => {
      const inputs = [handle, builder.constant("float32", [2], [1, 2])];
      return builder.add("AssignAddVariableOp", inputs, dtype, []);
    };
    added(y!.handle);
    return added(x!.handle);
  });
  assert.throws(() => lowered(one, ["done"]), /a\/\*: 1 updates of 2 variables/);
  const uneven = await smallStep([0.9, 0.9, 0.5]);
  assert.throws(() => lowered(uneven, ["step"]), /net\/\*: 2 updates of 2 variables/);
});

test("what a graph's steps change is packed apart from what they leave", () => {
  const builder = withUpdates((made, [, y]) => {
    const inputs = [y!.handle, made.constant("float32", [2], [1, 2])];
    return made.add("AssignAddVariableOp", inputs, dtype, []);
  });
  const cells = graphCells(builder.build().nodes);
  const membersOf = ({ name, members }: (typeof cells)[number]) => [
    name,
    members.map((m) => m.name),
  ];
  assert.deepEqual(cells.map(membersOf), [
    ["a/*", ["a/y"]],
    ["a/still/*", ["a/x"]],
  ]);
  assert.deepEqual(lowered(builder, ["done"]).donated, [0]);
});

test("a part of a cell is assigned, and the others keep their values", () => {
  const attrs = { ...dtype, validate_shape: attribute.bool(false) };
  const builder = withUpdates((made, [, y]) => {
    return made.add(
      "AssignVariableOp",
      [y!.handle, made.constant("float32", [2], [1, 2])],
      attrs,
      [],
    );
  });
  const { text, donated } = lowered(builder, ["done"]);
  assert.match(text, /slice %arg0 \[0:2\]/);
  assert.deepEqual(donated, [0]);
});

test("a variable that is changed twice in a run is refused", () => {
  const builder = withUpdates((made, variables) =>
    variables.flatMap(({ handle }) =>
      ["AssignVariableOp", "AssignAddVariableOp"].map((op) => {
        const attrs =
          op === "AssignVariableOp" ? { ...dtype, validate_shape: attribute.bool(false) } : dtype;
        return made.add(op, [handle, made.constant("float32", [2], [1, 2])], attrs, [])[0];
      }),
    ),
  );
  assert.throws(() => lowered(builder, ["done"]), /a\/\* is changed twice/);
});
