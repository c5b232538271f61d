/**
 * Operations that several processes do together (src/graph/collectives.ts), as those of a program's replicas: each
 * process is one. Source: openxla/stablehlo docs/spec.md, all_reduce, all_gather and all_to_all.
 */
import type { GraphNode } from "../node-list.js";
import { attr, input, type Lowering, type Operator, shapeOf } from "./operator.js";
import { list, tensorType } from "./values.js";

const reduceAll: Operator = (lowering, node) => {
  const { emitter, value } = lowering;
  const groups = groupsOf(lowering, node);
  const x = value(input(node, 0));
  const id = emitter.fresh();
  const scalar = tensorType({ shape: [], type: x.type });
  emitter.raw(`${id} = "stablehlo.all_reduce"(${x.id}) ({`);
  emitter.raw(`^bb0(%a: ${scalar}, %b: ${scalar}):`);
  emitter.raw(`  %sum = stablehlo.add %a, %b : ${scalar}`);
  emitter.raw(`  stablehlo.return %sum : ${scalar}`);
  emitter.raw(`}) {replica_groups = ${groups}} : (${tensorType(x)}) -> ${tensorType(x)}`);
  const sum = { ...x, id };
  const last = new TextDecoder().decode(attr(node, "final_op", "s"));
  if (last === "Id") return sum;
  return emitter.binary("divide", sum, emitter.constant(lowering.replicas, x.type));
};

/** An operation after which each replica has values of all. @param how its attributes, for so many replicas */
const exchange = (op: string, how: (replicas: number) => string): Operator => {
  return (lowering, node) => {
    const x = lowering.value(input(node, 0));
    const spec = { shape: shapeOf(node), type: x.type };
    const attributes = `${how(lowering.replicas)}, replica_groups = ${groupsOf(lowering, node)}`;
    return lowering.emitter.emit(
      `"stablehlo.${op}"(${x.id}) {${attributes}} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  };
};

/** All replicas, which are the group. @throws Error where the graph is for another number of them */
function groupsOf({ replicas, partitions, integers }: Lowering, node: GraphNode): string {
  // Each device's sums would be others' in their last bits; and XLA refuses what its own partitioner makes of both.
  if (partitions > 1) throw new Error(`${node.name}: replicas of a divided program`);
  const [size] = integers(input(node, 1));
  if (size !== replicas)
    throw new Error(
      `${node.name} is done by ${size} processes, the program has ${replicas} replicas`,
    );
  const all = Array.from({ length: replicas }, (_, replica) => replica);
  return `dense<[${list(all)}]> : tensor<1x${replicas}xi64>`;
}

/** By their names in TensorFlow. */
export const collectives: Readonly<Record<string, Operator>> = {
  CollectiveReduceV2: reduceAll,
  CollectiveGatherV2: exchange("all_gather", () => "all_gather_dim = 0 : i64"),
  CollectiveAllToAllV2: exchange("all_to_all", (replicas) => {
    return `split_dimension = 0 : i64, concat_dimension = 0 : i64, split_count = ${replicas} : i64`;
  }),
};
