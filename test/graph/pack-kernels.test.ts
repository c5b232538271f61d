/** Which standardized kernels are packed as they are made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute } from "../../src/graph/attributes.js";
import { packKernels } from "../../src/graph/pack-kernels.js";
import type { NodeDef } from "../../src/graph/proto.js";

const node = (name: string, op: string, input: string[], attr: NodeDef["attr"] = {}): NodeDef => {
  return { name, op, input, attr };
};
const kernel = node("k", "BitStandardize", ["w"], { packed: attribute.int(0) });
const conv = (name: string, input: string[], tiles: number, packed = 0) => {
  return node(name, "BitConv", input, {
    tiles: attribute.int(tiles),
    packed: attribute.int(packed),
  });
};

/** The names of the nodes that pack or take what is packed. */
function packed(nodes: readonly NodeDef[]): string[] {
  return packKernels(nodes).flatMap(({ name, attr }) => {
    return attr["packed"]?.i === 1 ? [name] : [];
  });
}

test("a kernel that only convolutions on tiles read is packed for them", () => {
  const nodes = [kernel, conv("y", ["x", "k"], 1), conv("dx", ["dy", "k"], 1)];
  assert.deepEqual(packed(nodes), ["k", "y", "dx"]);
  assert.deepEqual(
    packKernels(nodes).map(({ name }) => name),
    ["k", "y", "dx"],
  );
  const statistics = node("g", "BitStandardizeGrad", ["dy", "w", "k:1", "k:2"]);
  assert.deepEqual(packed([...nodes, statistics]), ["k", "y", "dx"]);
});

test("it stays as it is where something else reads it, or nothing", () => {
  const kept = [
    [kernel],
    [kernel, conv("y", ["x", "k"], 0)],
    [kernel, conv("y", ["x", "k"], 1), conv("dx", ["dy", "k"], 0)],
    [kernel, conv("y", ["x", "k"], 1), node("i", "Identity", ["k"])],
    [kernel, conv("y", ["k", "x"], 1)],
    [kernel, conv("y", ["k", "k"], 1)],
    [node("k", "Cast", ["w"]), conv("y", ["x", "k"], 1)],
  ];
  for (const nodes of kept) assert.deepEqual(packKernels(nodes), nodes);
});
