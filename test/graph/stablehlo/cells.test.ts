/** How variables lie on a device. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, offsetIn } from "../../../src/graph/stablehlo/cells.js";
import { parseArchitecture, variableSpecs } from "../../../src/model/architecture.js";

const variables = [
  { name: "resnet/a/kernel", shape: [3, 5, 2, 7] },
  { name: "resnet/a/gamma", shape: [4] },
  { name: "resnet/matrix", shape: [6, 2] },
  { name: "momentum/resnet/a/kernel", shape: [3, 5, 2, 7] },
  { name: "resnet/scale", shape: [] },
  { name: "momentum/resnet/a/gamma", shape: [4] },
  { name: "resnet/b/beta", shape: [9] },
];

test("kernels lie with their filters outermost; small variables of a kind in one vector", () => {
  const cells = cellsOf(variables).map(({ name, shape, members, order }) => {
    return { name, shape, members: members.map((member) => member.name), order };
  });
  assert.deepEqual(cells, [
    {
      name: "resnet/a/kernel",
      shape: [7, 3, 5, 2],
      members: ["resnet/a/kernel"],
      order: [3, 0, 1, 2],
    },
    { name: "resnet/matrix", shape: [6, 2], members: ["resnet/matrix"], order: undefined },
    {
      name: "momentum/resnet/a/kernel",
      shape: [7, 3, 5, 2],
      members: ["momentum/resnet/a/kernel"],
      order: [3, 0, 1, 2],
    },
    {
      name: "resnet/*",
      shape: [14],
      members: ["resnet/a/gamma", "resnet/scale", "resnet/b/beta"],
      order: undefined,
    },
    {
      name: "momentum/*",
      shape: [4],
      members: ["momentum/resnet/a/gamma"],
      order: undefined,
    },
  ]);
});

test("so do narrow ones; tables of bytes lie as they are", () => {
  const shape = [3, 5, 2, 7];
  const [kernel, table] = cellsOf([
    { name: "kernel", shape, type: "bfloat16" },
    { name: "table", shape, type: "uint8" },
  ]);
  assert.deepEqual(kernel!.shape, [7, 3, 5, 2]);
  assert.deepEqual(kernel!.order, [3, 0, 1, 2]);
  assert.deepEqual(table!.shape, shape);
  assert.equal(table!.order, undefined);
});

test("a member begins where those before it end", () => {
  const cell = cellsOf(variables).find(({ name }) => name === "resnet/*")!;
  assert.deepEqual(
    cell.members.map(({ name }) => offsetIn(cell, name)),
    [0, 4, 5],
  );
  assert.throws(() => offsetIn(cell, "resnet/matrix"), /resnet\/matrix .*resnet\/\*/);
});

test("a network's few cells hold each of its variables once", () => {
  const specs = variableSpecs(parseArchitecture("R50x1"), 10);
  const cells = cellsOf(specs);
  assert.deepEqual(
    cells.flatMap(({ members }) => members.map(({ name }) => name)).sort(),
    specs.map(({ name }) => name).sort(),
  );
  assert.equal(cells.length, specs.filter(({ shape }) => shape.length > 1).length + 1);
});
