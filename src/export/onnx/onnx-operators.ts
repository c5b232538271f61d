/**
 * ONNX's operators as operations of a TensorFlow graph, in ONNX's own order of axes: those that exports
 * hold. Batch, height and width are known only at run time.
 * Source: onnx/docs/Operators.md, opset 17.
 */
import { attribute } from "../../graph/attributes.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Output } from "../../graph/node-list.js";
import { cast, gather, pack, shapeOf } from "../../graph/ops.js";
import type { AttributeProto, NodeProto } from "./onnx-proto.js";

/** A value of the graph, and how many axes it has. */
export interface Value {
  readonly output: Output;
  readonly rank: number;
}

/** What operators are written with. */
export interface OperatorContext {
  readonly builder: GraphBuilder;
  /** The values of the node's inputs; the kernel of a convolution as `[H,W,I,O]`. */
  readonly inputs: readonly Value[];
  /** The numbers of an input that is known before the run. Throws where it is not. */
  integers(input: number): readonly number[];
  readonly node: NodeProto;
}

type Operator = (context: OperatorContext) => Value;

const T = { T: attribute.type("float32") };

function find(node: NodeProto, name: string): AttributeProto {
  const found = node.attribute.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${node.opType} '${node.name}' lacks ${name}`);
  return found;
}

function integersOf(node: NodeProto, name: string, count: number): readonly number[] {
  const ints = find(node, name).ints ?? [];
  if (ints.length !== count) throw new Error(`'${node.name}': ${ints.length} numbers of ${name}`);
  return ints;
}

/** An operation of TensorFlow with one float32 result, whose shape the run will tell. */
function one(
  { builder }: OperatorContext,
  op: string,
  inputs: readonly Output[],
  attrs: Parameters<GraphBuilder["one"]>[2] = T,
): Output {
  return builder.one(op, inputs, attrs, { type: "float32", shape: undefined });
}

function transposed(context: OperatorContext, value: Output, perm: readonly number[]): Output {
  const attrs = { ...T, Tperm: attribute.type("int32") };
  return one(context, "Transpose", [value, context.builder.ints(perm)], attrs);
}

const [toChannelsLast, toChannelsFirst] = [
  [0, 2, 3, 1],
  [0, 3, 1, 2],
] as const;

/** TensorFlow's padding of an NCHW or NHWC value: before and after, for each axis. */
function padded(
  context: OperatorContext,
  value: Output,
  paddings: readonly (readonly [number, number])[],
  filler: Output,
): Output {
  const amounts = context.builder.constant("int32", [paddings.length, 2], paddings.flat());
  const attrs = { ...T, Tpaddings: attribute.type("int32") };
  return one(context, "PadV2", [value, amounts, filler], attrs);
}

function strides(node: NodeProto) {
  return attribute.ints([1, ...integersOf(node, "strides", 2), 1]);
}

function convolution(context: OperatorContext): Value {
  const { node, builder, inputs } = context;
  const [top, left, bottom, right] = integersOf(node, "pads", 4) as [
    number,
    number,
    number,
    number,
  ];
  const images = transposed(context, inputs[0]!.output, toChannelsLast);
  const zero = builder.constant("float32", [], [0]);
  const sides = [[0, 0] as const, [top, bottom] as const, [left, right] as const, [0, 0] as const];
  const whole = top + left + bottom + right > 0 ? padded(context, images, sides, zero) : images;
  const made = one(context, "Conv2D", [whole, inputs[1]!.output], {
    ...T,
    strides: strides(node),
    padding: attribute.string("VALID"),
    explicit_paddings: attribute.ints([]),
    data_format: attribute.string("NHWC"),
    dilations: attribute.ints([1, 1, 1, 1]),
    use_cudnn_on_gpu: attribute.bool(true),
  });
  return { output: transposed(context, made, toChannelsFirst), rank: 4 };
}

function maxPool(context: OperatorContext): Value {
  const { node, inputs } = context;
  const images = transposed(context, inputs[0]!.output, toChannelsLast);
  const made = one(context, "MaxPool", [images], {
    ...T,
    ksize: attribute.ints([1, ...integersOf(node, "kernel_shape", 2), 1]),
    strides: strides(node),
    padding: attribute.string("VALID"),
    explicit_paddings: attribute.ints([]),
    data_format: attribute.string("NHWC"),
  });
  return { output: transposed(context, made, toChannelsFirst), rank: 4 };
}

function reshape(context: OperatorContext, x: Value, dims: Output, rank: number): Value {
  const attrs = { ...T, Tshape: attribute.type("int32") };
  return { output: one(context, "Reshape", [x.output, dims], attrs), rank };
}

/** 0 is the dimension as it is, -1 what is left. */
function reshapeByNumbers(context: OperatorContext): Value {
  const { builder, inputs } = context;
  const [x] = inputs as readonly [Value];
  const numbers = context.integers(1);
  const shape = shapeOf(builder, x.output, x.rank);
  const dims = numbers.map((number, axis) => {
    if (number !== 0) return builder.ints(number);
    return gather(builder, { table: shape, indices: builder.ints(axis) }, []);
  });
  return reshape(context, x, pack(builder, dims), numbers.length);
}

function mean(
  context: OperatorContext,
  value: Output,
  axes: readonly number[],
  keep: boolean,
): Output {
  const attrs = { ...T, Tidx: attribute.type("int32"), keep_dims: attribute.bool(keep) };
  return one(context, "Mean", [value, context.builder.ints(axes)], attrs);
}

/** Of `[N,C,L]`, over L. */
function instanceNormalization(context: OperatorContext): Value {
  const { builder, inputs, node } = context;
  const [x, scale, shift] = inputs as readonly [Value, Value, Value];
  if (x.rank !== 3) throw new Error(`'${node.name}' normalizes a value of ${x.rank} axes`);
  const epsilon = builder.constant("float32", [], [find(node, "epsilon").f!]);
  const column = builder.ints([-1, 1]);
  const perChannel = (value: Value) => reshape(context, value, column, 2).output;
  const centered = one(context, "Sub", [x.output, mean(context, x.output, [2], true)]);
  const variance = mean(context, one(context, "Square", [centered]), [2], true);
  const rstd = one(context, "Rsqrt", [one(context, "AddV2", [variance, epsilon])]);
  const factor = one(context, "Mul", [rstd, perChannel(scale)]);
  const scaled = one(context, "Mul", [centered, factor]);
  return { output: one(context, "AddV2", [scaled, perChannel(shift)]), rank: 3 };
}

function elementwise(op: string): Operator {
  return (context) => {
    const { inputs } = context;
    const output = one(
      context,
      op,
      inputs.map((input) => input.output),
    );
    return { output, rank: Math.max(...inputs.map(({ rank }) => rank)) };
  };
}

function gemm(context: OperatorContext): Value {
  const [x, kernel, bias] = context.inputs as readonly [Value, Value, Value];
  const order = { transpose_a: attribute.bool(false), transpose_b: attribute.bool(false) };
  const product = one(context, "MatMul", [x.output, kernel.output], { ...T, ...order });
  return { output: one(context, "AddV2", [product, bias.output]), rank: 2 };
}

const operators: Readonly<Record<string, { readonly inputs: number; readonly write: Operator }>> = {
  Add: { inputs: 2, write: elementwise("AddV2") },
  Cast: {
    inputs: 1,
    write: ({ builder, inputs: [x], node }) => {
      if (find(node, "to").i !== 1) throw new Error(`'${node.name}' casts to no float32`);
      return { output: cast(builder, x!.output, "float32"), rank: x!.rank };
    },
  },
  Conv: { inputs: 2, write: convolution },
  Gemm: { inputs: 3, write: gemm },
  Identity: { inputs: 1, write: ({ inputs: [x] }) => x! },
  InstanceNormalization: { inputs: 3, write: instanceNormalization },
  MaxPool: { inputs: 1, write: maxPool },
  Mul: { inputs: 2, write: elementwise("Mul") },
  Pad: {
    inputs: 3,
    write: (context) => {
      const pads = context.integers(1);
      const [x, , filler] = context.inputs as readonly [Value, Value, Value];
      if (pads.length !== 2 * x.rank)
        throw new Error(`'${context.node.name}' has ${pads.length} pads`);
      const sides = Array.from({ length: x.rank }, (_, axis) => {
        return [pads[axis]!, pads[axis + x.rank]!] as const;
      });
      return { output: padded(context, x.output, sides, filler.output), rank: x.rank };
    },
  },
  ReduceMean: {
    inputs: 1,
    write: (context) => {
      const axes = find(context.node, "axes").ints ?? [];
      if (find(context.node, "keepdims").i !== 0) throw new Error("a mean that keeps its axes");
      const [x] = context.inputs as readonly [Value];
      return { output: mean(context, x.output, axes, false), rank: x.rank - axes.length };
    },
  },
  Relu: { inputs: 1, write: elementwise("Relu") },
  Reshape: {
    inputs: 2,
    write: (context) => {
      const [x, dims] = context.inputs as readonly [Value, Value];
      if (dims.output.op !== "Shape") return reshapeByNumbers(context);
      return reshape(context, x, dims.output, dims.output.shape![0]!);
    },
  },
  Shape: {
    inputs: 1,
    write: ({ builder, inputs: [x] }) => {
      return { output: shapeOf(builder, x!.output, x!.rank), rank: 1 };
    },
  },
  Transpose: {
    inputs: 1,
    write: (context) => {
      const [x] = context.inputs as readonly [Value];
      const perm = integersOf(context.node, "perm", x.rank);
      return { output: transposed(context, x.output, perm), rank: x.rank };
    },
  },
};

/**
 * Writes what a node of an ONNX graph computes.
 * @throws Error where it is none that exports hold
 */
export function writeOperator(context: OperatorContext): Value {
  const { opType, name, input, output } = context.node;
  const operator = operators[opType];
  if (operator === undefined) throw new Error(`the operator ${opType} ('${name}')`);
  if (input.length !== operator.inputs || output.length !== 1)
    throw new Error(`${opType} '${name}' of ${input.length} inputs and ${output.length} outputs`);
  return operator.write(context);
}
