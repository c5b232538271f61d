/** What a value needs, and who computes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute } from "../../../src/graph/attributes.js";
import { GraphBuilder } from "../../../src/graph/graph-builder.js";
import { assign } from "../../../src/graph/ops.js";
import { indexNodes, reachOf } from "../../../src/graph/stablehlo/reach.js";
import { declareVariable } from "../../../src/step/variables.js";

const T = { T: attribute.type("float32") };
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

function reach(builder: GraphBuilder, fetches: readonly string[]) {
  return reachOf(indexNodes(builder.build().nodes), fetches);
}

test("an update that others wait for belongs to the run, with what it needs", () => {
  const builder = new GraphBuilder();
  const [a, b] = ["a", "b"].map((name) => declareVariable(builder, { name, shape: [] }));
  const fed = builder.placeholder("fed", "float32", []);
  const first = assign(builder, a!.handle, fed);
  const doubled = builder.one("Mul", [b!.read, builder.constant("float32", [], [2])], T, b!.read);
  const attrs = { dtype: attribute.type("float32"), validate_shape: attribute.bool(false) };
  const second = builder.add("AssignVariableOp", [b!.handle, doubled], attrs, [], {
    after: [first],
  });
  builder.fetchable("out", a!.read, second);
  const found = reach(builder, ["out"]);
  assert.deepEqual(names(found.updates), [second[0].node, first.node]);
  assert.deepEqual(names(found.placeholders), ["fed"]);
  assert.deepEqual(names(found.reads).sort(), ["a/value", "b/value"]);
  assert.ok(names(found.computed).includes(doubled.node));
  assert.deepEqual(found.effects, []);
});

test("what has no lowering is the host's, with what only gives it another form", () => {
  const builder = new GraphBuilder();
  const variable = declareVariable(builder, { name: "a", shape: [2] });
  const made = builder.one("Decode", [], {}, { type: "float32", shape: [1, 2] });
  const attrs = { ...T, Tshape: attribute.type("int32") };
  const reshaped = builder.one("Reshape", [made, builder.ints([2])], attrs, variable.read);
  const sum = builder.one("AddV2", [reshaped, variable.read], T, variable.read);
  builder.fetchable("out", sum);
  const found = reach(builder, ["out"]);
  assert.deepEqual(found.hosted, [reshaped]);
  assert.deepEqual(names(found.computed), [sum.node]);
});

test("inputs come before their users, each once", () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", [2]);
  let y = x;
  for (let i = 0; i < 20_000; i++) y = builder.one("AddV2", [y, i % 3 === 0 ? x : y], T, x);
  builder.fetchable("out", y);
  builder.fetchable("again", y);
  const { computed } = reach(builder, ["out", "again"]);
  assert.equal(computed.length, 20_000);
  const done = new Set(["x"]);
  for (const { name, inputs } of computed) {
    assert.ok(inputs.every(({ node }) => done.has(node)));
    done.add(name);
  }
});

test("what else a run does is told, so that it is not forgotten", () => {
  const builder = new GraphBuilder();
  const variable = declareVariable(builder, { name: "a", shape: [] });
  const printed = builder.add("Print", [], {}, [])[0];
  builder.fetchable("out", variable.read, [printed]);
  assert.deepEqual(names(reach(builder, ["out"]).effects), [printed.node]);
});
