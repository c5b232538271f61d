/**
 * TF.js's kernels as operations of a TensorFlow graph: one entry each, registered for the graph
 * backend. Names and attributes on the left are TF.js's (tfjs-core src/kernel_names.ts), on the
 * right TensorFlow's (tensorflow/core/ops/ops.pbtxt).
 */
import * as tf from "@tensorflow/tfjs";
import { sameShape, sizeOf } from "../archive/shape.js";
import { afterKernel, reluGradKernel, widenKernel } from "../model/kernel-names.js";
import { attribute } from "./attributes.js";
import type { Value } from "./backend.js";
import { equalShapesMark } from "./fuse-additions.js";
import { register } from "./lowering.js";
import { fill, gather, reshape, slice, transpose } from "./ops.js";
import type { ElementType } from "./types.js";

const T = (value: Value) => ({ T: attribute.type(value.type) });

/** Element-wise operations of one argument, in the argument's own type. */
const unary: Readonly<Record<string, string>> = {
  Exp: "Exp",
  Log: "Log",
  Neg: "Neg",
  Relu: "Relu",
  Rsqrt: "Rsqrt",
  Sigmoid: "Sigmoid",
  Sqrt: "Sqrt",
  Square: "Square",
  Tanh: "Tanh",
  ZerosLike: "ZerosLike",
};

for (const [kernel, op] of Object.entries(unary)) {
  register(kernel, (graph, { x }) => {
    const value = graph.value(x!);
    return graph.emit(op, [value], T(value), value.type, value.shape);
  });
}

// TF.js clones what a gradient will need again; in a graph that is the same value.
register("Identity", (graph, { x }) => graph.value(x!));

/** Element-wise operations of two arguments that broadcast; comparisons yield bool. */
const binary: Readonly<Record<string, readonly [op: string, result?: ElementType]>> = {
  Add: ["AddV2"],
  Equal: ["Equal", "bool"],
  Greater: ["Greater", "bool"],
  Maximum: ["Maximum"],
  Minimum: ["Minimum"],
  Multiply: ["Mul"],
  RealDiv: ["RealDiv"],
  Sub: ["Sub"],
};

for (const [kernel, [op, result]] of Object.entries(binary)) {
  register(kernel, (graph, inputs) => {
    const [a, b] = graph.alike(graph.value(inputs["a"]!), graph.value(inputs["b"]!));
    const shape = tf.broadcast_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    const alike = op === "AddV2" && sameShape(a.shape, b.shape) ? equalShapesMark : {};
    const attrs =
      op === "Equal" ? { ...T(a), incompatible_shape_error: attribute.bool(true) } : T(a);
    return graph.emit(op, [a, b], { ...attrs, ...alike }, result ?? a.type, shape);
  });
}

/** Sums and means are made and kept in float32, whatever the type of the values. */
const reductions: Readonly<Record<string, readonly [op: string, axisAttr: string]>> = {
  Max: ["Max", "reductionIndices"],
  Mean: ["Mean", "axis"],
  Sum: ["Sum", "axis"],
};

for (const [kernel, [op, axisAttr]] of Object.entries(reductions)) {
  register(kernel, (graph, { x }, attrs) => {
    const given = graph.value(x!);
    const value = given.type === "int32" ? given : graph.cast(given, "float32");
    const axes = tf.util.parseAxisParam(attrs[axisAttr] as number | number[], [...value.shape]);
    const keep = attrs["keepDims"] === true;
    const shape = value.shape.flatMap((size, i) => (axes.includes(i) ? (keep ? [1] : []) : [size]));
    const nodeAttrs = {
      ...T(value),
      Tidx: attribute.type("int32"),
      keep_dims: attribute.bool(keep),
    };
    return graph.emit(op, [value, graph.builder.ints(axes)], nodeAttrs, value.type, shape);
  });
}

register("Cast", (graph, { x }, { dtype }) => {
  const value = graph.value(x!);
  // A float of any width is what TF.js calls float32; casting it to itself stays free.
  if (dtype === "float32" && value.type !== "int32" && value.type !== "bool") return value;
  return graph.cast(value, dtype as ElementType);
});

register("Reshape", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const shape = tf.util.inferFromImplicitShape(attrs["shape"] as number[], sizeOf(value.shape));
  return reshape(graph.builder, value, shape);
});

register("Tile", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const reps = attrs["reps"] as number[];
  const shape = value.shape.map((size, i) => size * reps[i]!);
  const nodeAttrs = { ...T(value), Tmultiples: attribute.type("int32") };
  return graph.emit("Tile", [value, graph.builder.ints(reps)], nodeAttrs, value.type, shape);
});

register("Fill", (graph, _, attrs) => {
  const type = (attrs["dtype"] as ElementType | undefined) ?? "float32";
  return fill(graph.builder, type, attrs["shape"] as number[], attrs["value"] as number);
});

register("Transpose", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const perm = attrs["perm"] as number[];
  const shape = perm.map((axis) => value.shape[axis]!);
  return transpose(graph.builder, value, graph.builder.ints(perm), shape);
});

register("Reverse", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const axes = tf.util.parseAxisParam(attrs["dims"] as number | number[], [...value.shape]);
  const nodeAttrs = { ...T(value), Tidx: attribute.type("int32") };
  const inputs = [value, graph.builder.ints(axes)];
  return graph.emit("ReverseV2", inputs, nodeAttrs, value.type, value.shape);
});

register("PadV2", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const paddings = attrs["paddings"] as [number, number][];
  const shape = value.shape.map((size, i) => size + paddings[i]![0] + paddings[i]![1]);
  const amounts = graph.builder.constant("int32", [paddings.length, 2], paddings.flat());
  const filler = graph.builder.constant(value.type, [], [attrs["constantValue"] as number]);
  const nodeAttrs = { ...T(value), Tpaddings: attribute.type("int32") };
  return graph.emit("PadV2", [value, amounts, filler], nodeAttrs, value.type, shape);
});

register("Slice", (graph, { x }, attrs) => {
  const value = graph.value(x!);
  const begin = attrs["begin"] as number[];
  const asked = attrs["size"] as number[];
  const size = asked.map((s, i) => (s === -1 ? value.shape[i]! - begin[i]! : s));
  const bounds = { begin: graph.builder.ints(begin), size: graph.builder.ints(size) };
  return slice(graph.builder, value, bounds, size);
});

register("GatherV2", (graph, { x, indices }, attrs) => {
  const value = graph.value(x!);
  const at = graph.value(indices!);
  const axis = tf.util.parseAxisParam(attrs["axis"] as number, [...value.shape])[0]!;
  const shape = [...value.shape.slice(0, axis), ...at.shape, ...value.shape.slice(axis + 1)];
  return gather(graph.builder, { table: value, indices: at, axis }, shape);
});

register("OneHot", (graph, { indices }, attrs) => {
  const at = graph.value(indices!);
  const depth = attrs["depth"] as number;
  const inputs = [
    at,
    graph.builder.ints(depth),
    graph.builder.constant("float32", [], [attrs["onValue"] as number]),
    graph.builder.constant("float32", [], [attrs["offValue"] as number]),
  ];
  const nodeAttrs = {
    T: attribute.type("float32"),
    TI: attribute.type("int32"),
    axis: attribute.int(-1),
  };
  return graph.emit("OneHot", inputs, nodeAttrs, "float32", [...at.shape, depth]);
});

register("BatchMatMul", (graph, inputs, attrs) => {
  const [a, b] = graph.alike(graph.value(inputs["a"]!), graph.value(inputs["b"]!));
  const transposed = [attrs["transposeA"] === true, attrs["transposeB"] === true] as const;
  const rank = a.shape.length;
  const rows = a.shape[rank - (transposed[0] ? 1 : 2)]!;
  const columns = b.shape[rank - (transposed[1] ? 2 : 1)]!;
  const shape = [...a.shape.slice(0, -2), rows, columns];
  const nodeAttrs = {
    ...T(a),
    adj_x: attribute.bool(transposed[0]),
    adj_y: attribute.bool(transposed[1]),
  };
  return graph.emit("BatchMatMulV2", [a, b], nodeAttrs, a.type, shape);
});

/** Not a kernel of TF.js: the same values in float32. */
register(widenKernel, (graph, { x }) => graph.float32(x!));

/** Not a kernel of TF.js: `x`, once `after` is computed. */
register(afterKernel, (graph, { x, after }) => {
  const value = graph.value(x!);
  const options = { after: [graph.value(after!)] };
  return graph.builder.one("Identity", [value], T(value), value, options);
});

/** Not a kernel of TF.js: passes `dy` where `y > 0`, in one pass. */
register(reluGradKernel, (graph, inputs) => {
  const [dy, y] = graph.alike(graph.value(inputs["dy"]!), graph.value(inputs["y"]!));
  return graph.emit("ReluGrad", [dy, y], T(dy), dy.type, dy.shape);
});

register("Step", (graph, { x }) => {
  const value = graph.value(x!);
  const zero = graph.builder.constant(value.type, [], [0]);
  return graph.cast(
    graph.emit("Greater", [value, zero], T(value), "bool", value.shape),
    value.type,
  );
});
