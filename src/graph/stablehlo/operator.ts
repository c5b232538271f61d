/** What the lowering of one operation of TensorFlow to StableHLO is written with. */
import type { GraphNode, Output } from "../node-list.js";
import type { AttrValue } from "../proto.js";
import type { Emitter } from "./emitter.js";
import type { Value } from "./values.js";

/** What an operator's lowering is given to work with. */
export interface Lowering {
  readonly emitter: Emitter;
  /** How many times the program runs at once, on data of its own each time. */
  readonly replicas: number;
  /** Devices among which each of these is divided. */
  readonly partitions: number;
  /** What an output of another node became. */
  value(output: Output): Value;
  /** The node that an output belongs to. */
  node(output: Output): GraphNode;
  /** The int32 values of an output that is constant. Throws where it is not. */
  integers(output: Output): number[];
}

export type Operator = (lowering: Lowering, node: GraphNode) => Value;

/** The value of an attribute of one kind. Throws where it is absent. */
export function attr<K extends keyof AttrValue>(
  { attrs, name }: GraphNode,
  key: string,
  kind: K,
): NonNullable<AttrValue[K]> {
  const value = attrs[key]?.[kind];
  if (value === undefined) throw new Error(`${name} has no ${kind} attribute ${key}`);
  return value;
}

/** An input by its place. Throws where it is absent. */
export function input({ inputs, name }: GraphNode, i: number): Output {
  const output = inputs[i];
  if (output === undefined) throw new Error(`${name} has no input ${i}`);
  return output;
}

/** The first output's shape. Throws where only a run will tell it. */
export function shapeOf({ outputs, name }: GraphNode): readonly number[] {
  const shape = outputs[0]?.shape;
  if (shape === undefined) throw new Error(`the shape of ${name} is not known`);
  return shape;
}
