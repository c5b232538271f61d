/** What processes send each other in a training step, by its graph. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeOf } from "../../src/archive/shape.js";
import { Collectives, type WireType } from "../../src/graph/collectives.js";
import { type Graph, GraphBuilder } from "../../src/graph/graph-builder.js";
import type { GraphNode } from "../../src/graph/node-list.js";
import { plainTarget } from "../../src/graph/target.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { addTrainStep } from "../../src/step/train-step.js";
import { declareVariables } from "../../src/step/variables.js";

const architecture = parseArchitecture("R26x1");
const classes = 10;
const specs = variableSpecs(architecture, classes);
const gradientBytes = specs.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);

async function stepGraph(ranks: number, wire?: WireType): Promise<Graph> {
  const builder = new GraphBuilder();
  const network = { architecture, classes, target: plainTarget };
  const variables = declareVariables(builder, specs, plainTarget);
  const batch = {
    images: builder.placeholder("images", "float32", [2, 64, 64, 3]),
    labels: builder.placeholder("labels", "int32", [2]),
  };
  const collectives = new Collectives(builder, ranks);
  await addTrainStep(builder, network, variables, batch, {
    ...{ mixup: false, split: 1, collectives, wire },
  });
  return builder.build();
}

/** Bytes that a process sends in a step: by a ring, 2 (n - 1) / n of a value; of an exchange, all rows but its own. */
function sentBytes({ nodes }: Graph, ranks: number): number {
  const shareOf: Readonly<Record<string, number>> = {
    CollectiveReduceV2: (2 * (ranks - 1)) / ranks,
    CollectiveAllToAllV2: (ranks - 1) / ranks,
  };
  const sent = nodes.flatMap(({ op, outputs }) => {
    const [value] = outputs;
    const width = value?.type === "bfloat16" ? 2 : 4;
    return op in shareOf ? [shareOf[op]! * width * sizeOf(value!.shape!)] : [];
  });
  return sent.reduce((sum, bytes) => sum + bytes, 0);
}

for (const ranks of [2, 3, 64])
  test(`gradients sent as bfloat16 are half the bytes: ${ranks} processes`, async () => {
    const [whole, narrow] = [
      sentBytes(await stepGraph(ranks), ranks),
      sentBytes(await stepGraph(ranks, "bfloat16"), ranks),
    ];
    const byRing = ((2 * (ranks - 1)) / ranks) * gradientBytes;
    assert.ok(whole >= byRing && whole < byRing + 100, `${whole} ~ ${byRing}`);
    // Zeros fill parts up to 64 bytes.
    assert.ok(Math.abs(narrow / (byRing / 2) - 1) < 5e-3, `${narrow} ~ ${byRing / 2}`);
  });

test("loss and stops are sent as float32, whatever gradients are", async () => {
  const { nodes } = await stepGraph(2, "bfloat16");
  const sent = nodes.filter(({ op }) => op.startsWith("Collective"));
  const reduced = sent.filter(({ op }) => op === "CollectiveReduceV2");
  assert.ok(reduced.some(({ outputs }) => outputs[0]!.shape!.join() === "2"));
  for (const { outputs } of reduced) assert.equal(outputs[0]!.type, "float32");
  const exchanged = sent.filter(({ op }) => op === "CollectiveAllToAllV2");
  assert.ok(exchanged.length > 0);
  for (const { outputs } of exchanged) assert.equal(outputs[0]!.type, "bfloat16");
});

for (const wire of ["float32", "bfloat16"] as const)
  test(`gradients are sent as soon as they are there, the last layers' first: ${wire}`, async () => {
    const { nodes } = await stepGraph(2, wire);
    const byName = new Map(nodes.map((node) => [node.name, node]));
    const gradients = nodes.filter(({ op }) => op === "Conv2DBackpropFilter");
    const needed = nodes
      .filter(({ op, outputs }) => {
        const isBucket = sizeOf(outputs[0]?.shape ?? []) > 2;
        return isBucket && /^Collective(Reduce|AllToAll)V2$/.test(op);
      })
      .map((node) => {
        const all = ancestors(node, byName);
        return gradients.filter(({ name }) => all.has(name)).length;
      });
    // Each waits for its own gradients alone; an exchange has two operations.
    const sum = needed.reduce((total, count) => total + count, 0);
    assert.equal(sum, gradients.length * (wire === "float32" ? 1 : 2));
    assert.ok(needed[0]! <= 3, `${needed}`);
  });

/** The names of all nodes that must have run before one. */
function ancestors(node: GraphNode, byName: ReadonlyMap<string, GraphNode>): Set<string> {
  const found = new Set<string>();
  const waiting = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const { node: name } of [...next.inputs, ...next.after]) {
      if (found.has(name)) continue;
      found.add(name);
      waiting.push(byName.get(name)!);
    }
  return found;
}
