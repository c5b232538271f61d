/**
 * Operations of TensorFlow that graphs and functions are often made of, each with the attributes and the
 * type that it has. They go into any list of nodes. Source: tensorflow/core/ops/ops.pbtxt.
 */
import { attribute } from "./attributes.js";
import type { NodeList, NodeOptions, Output, ShapedOutput } from "./node-list.js";
import type { ElementType } from "./types.js";

const int32 = attribute.type("int32");

function typed({ type }: Pick<Output, "type">) {
  return { T: attribute.type(type) };
}

/** The same values as another type; `value` itself where it has that. */
export function cast(nodes: NodeList, value: ShapedOutput, type: ElementType): ShapedOutput;
export function cast(nodes: NodeList, value: Output, type: ElementType): Output;
export function cast(nodes: NodeList, value: Output, type: ElementType): Output {
  if (value.type === type) return value;
  const attrs = {
    SrcT: attribute.type(value.type),
    DstT: attribute.type(type),
    Truncate: attribute.bool(false),
  };
  return nodes.one("Cast", [value], attrs, { type, shape: value.shape });
}

/** What is taken from where. */
export interface Gathering {
  readonly table: Output;
  /** int32, of any shape. */
  readonly indices: Output;
  /** Default: 0. */
  readonly axis?: number;
}

/**
 * The entries of a table at some indices, along an axis.
 * @param shape of the result
 */
export function gather(
  nodes: NodeList,
  gathering: Gathering,
  shape: readonly number[],
): ShapedOutput;
export function gather(
  nodes: NodeList,
  gathering: Gathering,
  shape: readonly number[] | undefined,
): Output;
export function gather(
  nodes: NodeList,
  { table, indices, axis = 0 }: Gathering,
  shape: readonly number[] | undefined,
): Output {
  const attrs = {
    Tparams: attribute.type(table.type),
    Tindices: int32,
    Taxis: int32,
    batch_dims: attribute.int(0),
  };
  const inputs = [table, indices, nodes.ints(axis)];
  return nodes.one("GatherV2", inputs, attrs, { type: table.type, shape });
}

/** `table[index]`, a row of `table`, where `index` is an int32 scalar. */
export function row(nodes: NodeList, table: Output, index: Output): Output {
  return gather(nodes, { table, indices: index }, table.shape?.slice(1));
}

/** One value throughout. */
export function fill(
  nodes: NodeList,
  type: ElementType,
  shape: readonly number[],
  value: number,
): ShapedOutput {
  const attrs = { T: attribute.type(type), index_type: int32 };
  const scalar = nodes.constant(type, [], [value]);
  return nodes.one("Fill", [nodes.ints(shape), scalar], attrs, { type, shape });
}

/**
 * The same values in another shape.
 * @param dims the shape where only the run tells it: int32 `[rank]`
 */
export function reshape(
  nodes: NodeList,
  value: Output,
  shape: readonly number[],
  dims: Output = nodes.ints(shape),
): ShapedOutput {
  const attrs = { ...typed(value), Tshape: int32 };
  return nodes.one("Reshape", [value, dims], attrs, { type: value.type, shape });
}

/**
 * The part of `value` of a size, from `begin` on: int32 `[rank]` both.
 * @param shape of the result
 */
export function slice(
  nodes: NodeList,
  value: Output,
  { begin, size }: { readonly begin: Output; readonly size: Output },
  shape: readonly number[],
): ShapedOutput {
  const attrs = { ...typed(value), Index: int32 };
  return nodes.one("Slice", [value, begin, size], attrs, { type: value.type, shape });
}

/** The dimensions of a value that has `rank` of them: int32 `[rank]`. */
export function shapeOf(nodes: NodeList, value: Output, rank: number): ShapedOutput {
  const attrs = { ...typed(value), out_type: int32 };
  return nodes.one("Shape", [value], attrs, { type: "int32", shape: [rank] });
}

/**
 * The axes of `value` in another order.
 * @param perm int32 `[rank]`
 * @param shape of the result
 */
export function transpose(
  nodes: NodeList,
  value: Output,
  perm: Output,
  shape: readonly number[],
): ShapedOutput {
  const attrs = { ...typed(value), Tperm: int32 };
  return nodes.one("Transpose", [value, perm], attrs, { type: value.type, shape });
}

/** Scalars, int32, as a vector. */
export function pack(nodes: NodeList, scalars: readonly Output[]): ShapedOutput {
  const attrs = { N: attribute.int(scalars.length), T: int32, axis: attribute.int(0) };
  return nodes.one("Pack", scalars, attrs, { type: "int32", shape: [scalars.length] });
}

/** The int32 numbers from `first` to before `limit`, `step` apart; scalars all. */
export function range(
  nodes: NodeList,
  [first, limit, step]: readonly [Output, Output, Output],
  count: number,
  options?: NodeOptions,
): ShapedOutput {
  const result = { type: "int32", shape: [count] } as const;
  return nodes.one("Range", [first, limit, step], { Tidx: int32 }, result, options);
}

/**
 * A copy of what was fed. A variable or a dataset would otherwise keep JavaScript's own memory, and
 * give it back on a thread that must not touch JavaScript.
 */
export function copy(nodes: NodeList, fed: Output, options?: NodeOptions): Output {
  return nodes.one("DeepCopy", [fed], typed(fed), fed, options);
}

/** Marks what devices share. TensorFlow heeds no attribute with a leading line. */
export const dividedMark = "_divided";

/**
 * The same values; where several devices compute together, each has an equal share of them along the first
 * dimension, and of what is made of them.
 */
export function divided(nodes: NodeList, value: Output): Output {
  const attrs = { ...typed(value), [dividedMark]: attribute.bool(true) };
  return nodes.one("Identity", [value], attrs, value);
}

/** Sets the variable behind `handle`. The output is for `after` alone. */
export function assign(
  nodes: NodeList,
  handle: Output,
  value: Output,
  options?: NodeOptions,
): Output {
  const attrs = { dtype: attribute.type(value.type), validate_shape: attribute.bool(false) };
  return nodes.add("AssignVariableOp", [handle, value], attrs, [], options)[0];
}

/** Adds to the variable behind `handle`. The output is for `after` alone. */
export function assignAdd(nodes: NodeList, handle: Output, value: Output): Output {
  const attrs = { dtype: attribute.type(value.type) };
  return nodes.add("AssignAddVariableOp", [handle, value], attrs, [])[0];
}
