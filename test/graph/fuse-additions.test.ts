/** Which additions become part of another operation, and what their users are given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute } from "../../src/graph/attributes.js";
import { equalShapesMark, fuseAdditions } from "../../src/graph/fuse-additions.js";
import type { NodeDef } from "../../src/graph/proto.js";

const node = (name: string, op: string, input: string[] = []): NodeDef => {
  const attr = op === "AddV2" ? equalShapesMark : op === "BitConv" ? { N: attribute.int(0) } : {};
  return { name, op, input, attr: { ...attr } };
};

/** `name = op(inputs)` lines, an operation that adds with a plus before what it adds. */
function printed(nodes: readonly NodeDef[]): string[] {
  return nodes.map(({ name, op, input, attr }) => {
    const added = Number(attr["N"]?.i ?? 0);
    const inputs = input.map((one, i) => (i >= input.length - added ? `+${one}` : one));
    return `${name} = ${op}(${inputs.join(", ")})`;
  });
}

test("an addition goes into the convolution that only it uses", () => {
  const nodes = [
    node("x", "Placeholder"),
    node("conv", "BitConv", ["x", "w"]),
    node("sum", "AddV2", ["conv", "x"]),
    node("y", "Relu", ["sum"]),
    node("z", "NoOp", ["^sum"]),
  ];
  assert.deepEqual(printed(fuseAdditions(nodes)), [
    "x = Placeholder()",
    "conv = BitConv(x, w, +x)",
    "y = Relu(conv)",
    "z = NoOp(^conv)",
  ]);
});

test("it stays where something else uses the convolution, or it broadcasts, or it is of others", () => {
  const kept = [
    [node("a", "BitConv", ["x", "w"]), node("s", "AddV2", ["a", "x"]), node("r", "Relu", ["a"])],
    [node("a", "BitConv", ["x", "w"]), { ...node("s", "AddV2", ["a", "x"]), attr: {} }],
    [node("a", "Conv2D", ["x", "w"]), node("s", "AddV2", ["a", "x"])],
    [node("a", "BitConv", ["x", "w"]), node("s", "AddV2", ["a", "a"])],
    [node("a", "BitConv", ["x", "w"]), node("s", "AddV2", ["a", "x"]), node("n", "NoOp", ["^a"])],
  ];
  for (const nodes of kept) assert.deepEqual(fuseAdditions(nodes), nodes);
});

test("additions of additions follow one another; an operation adds one thing only", () => {
  const nodes = [
    node("a", "BitConv", ["x", "w"]),
    node("b", "BitConv", ["x", "v"]),
    node("first", "AddV2", ["a", "b"]),
    node("second", "AddV2", ["first", "x"]),
    node("third", "AddV2", ["second", "b2:1"]),
  ];
  assert.deepEqual(printed(fuseAdditions(nodes)), [
    "a = BitConv(x, w, +b)",
    "b = BitConv(x, v)",
    "second = AddV2(a, x)",
    "third = AddV2(second, b2:1)",
  ]);
});
