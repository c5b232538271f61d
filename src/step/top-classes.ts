/** The most probable classes, of logits in a graph. */
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";

/** int32 `[N, k]`: the classes with the largest `logits` `[N, classes]`, best first, of equal ones the lower. */
export function topClasses(builder: GraphBuilder, logits: Output, k: number): Output {
  const attrs = {
    T: attribute.type("float32"),
    Tk: attribute.type("int32"),
    index_type: attribute.type("int32"),
    sorted: attribute.bool(true),
  };
  const shape = [logits.shape![0]!, k];
  const outputs = [
    { type: "float32", shape },
    { type: "int32", shape },
  ] as const;
  return builder.add("TopKV2", [logits, builder.ints(k)], attrs, outputs)[1]!;
}
