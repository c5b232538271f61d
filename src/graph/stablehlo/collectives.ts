/**
 * Operations that several processes do together (src/graph/collectives.ts), as those of a program's replicas: each
 * process is one. Source: openxla/stablehlo docs/spec.md, all_reduce, all_gather and all_to_all.
 */
import { typeOf } from "../types.js";
import { attr, input, type Lowering, type Operator, shapeOf } from "./operator.js";
import { list, tensorType, type Value, type ValueSpec } from "./values.js";

const reduceAll: Operator = (lowering, node) => {
  const { emitter, value } = lowering;
  const groups = groupsOf(lowering, node.name, lowering.integers(input(node, 1)));
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

const gatherAll: Operator = (lowering, node) => {
  const groups = groupsOf(lowering, node.name, lowering.integers(input(node, 1)));
  const x = lowering.value(input(node, 0));
  const spec = { shape: shapeOf(node), type: x.type };
  return exchanged(
    lowering,
    "all_gather",
    x,
    spec,
    `all_gather_dim = 0 : i64, replica_groups = ${groups}`,
  );
};

const exchangeRows: Operator = (lowering, node) => {
  const groups = groupsOf(lowering, node.name, lowering.integers(input(node, 1)));
  const x = lowering.value(input(node, 0));
  const how = `split_dimension = 0 : i64, concat_dimension = 0 : i64, split_count = ${lowering.replicas} : i64`;
  return exchanged(lowering, "all_to_all", x, x, `${how}, replica_groups = ${groups}`);
};

function exchanged(
  lowering: Lowering,
  op: string,
  x: Value,
  spec: ValueSpec,
  attributes: string,
): Value {
  return lowering.emitter.emit(
    `"stablehlo.${op}"(${x.id}) {${attributes}} : (${tensorType(x)}) -> ${tensorType(spec)}`,
    spec,
  );
}

/** All replicas, which are the group. @throws Error where the graph is for another number of them */
function groupsOf(lowering: Lowering, name: string, size: readonly number[]): string {
  const { replicas, partitions } = lowering;
  // Each device's sums would be others' in their last bits; and XLA refuses what its own partitioner makes of both.
  if (partitions > 1) throw new Error(`${name}: replicas of a divided program`);
  if (size[0] !== replicas)
    throw new Error(
      `${name} is done by ${size[0]} processes, the program has ${replicas} replicas`,
    );
  const all = Array.from({ length: replicas }, (_, replica) => replica);
  return `dense<[${list(all)}]> : tensor<1x${replicas}xi64>`;
}

const bitcast: Operator = ({ emitter, value }, node) => {
  const x = value(input(node, 0));
  const spec = { shape: x.shape, type: typeOf(attr(node, "type", "type")) };
  return emitter.emit(
    `stablehlo.bitcast_convert ${x.id} : (${tensorType(x)}) -> ${tensorType(spec)}`,
    spec,
  );
};

/** By their names in TensorFlow. */
export const collectives: Readonly<Record<string, Operator>> = {
  CollectiveReduceV2: reduceAll,
  CollectiveGatherV2: gatherAll,
  CollectiveAllToAllV2: exchangeRows,
  Bitcast: bitcast,
};
