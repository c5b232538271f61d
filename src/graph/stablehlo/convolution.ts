/**
 * Convolutions of `[N,H,W,I]` with kernels `[H,W,I,O]` and their gradients. All three are convolutions
 * to StableHLO, of which the padding may be of any size, negative too: zeros that TensorFlow's graph
 * adds to the input, or takes from its gradient, become part of it.
 */
import type { GraphNode, Output } from "../node-list.js";
import type { Emitter } from "./emitter.js";
import { attr, input, type Lowering, type Operator, shapeOf } from "./operator.js";
import type { Value } from "./values.js";

type Pair = readonly [number, number];

/** Of a convolution as TensorFlow has it: for height, then for width. */
interface Geometry {
  readonly stride: Pair;
  /** Rows or columns of zeros before and after the input. */
  readonly pad: readonly [Pair, Pair];
}

function geometryOf(
  node: GraphNode,
  x: readonly number[],
  kernel: readonly number[],
  y: readonly number[],
): Geometry {
  const [, down, across] = attr(node, "strides", "list").i!;
  const stride: Pair = [down!, across!];
  const padding = new TextDecoder().decode(attr(node, "padding", "s"));
  const pad = ([0, 1] as const).map((d): Pair => {
    if (padding === "VALID") return [0, 0];
    if (padding === "EXPLICIT") {
      const [before, after] = attr(node, "explicit_paddings", "list").i!.slice(2 + 2 * d);
      return [before!, after!];
    }
    const needed = (y[1 + d]! - 1) * stride[d]! + kernel[d]! - x[1 + d]!;
    const total = Math.max(needed, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return { stride, pad: pad as [Pair, Pair] };
}

/**
 * The input of a convolution before zeros were added to it, and how many were: by a node of the graph,
 * perhaps before the values were made narrower.
 */
function unpadded(lowering: Lowering, output: Output): { x: Value; zeros: readonly [Pair, Pair] } {
  const { emitter, value, integers } = lowering;
  let node = lowering.node(output);
  if (node.op === "Cast") node = lowering.node(input(node, 0));
  const none: readonly [Pair, Pair] = [
    [0, 0],
    [0, 0],
  ];
  if (node.op !== "PadV2") return { x: value(output), zeros: none };
  const [, , top, bottom, left, right] = integers(input(node, 1));
  const x = emitter.convert(value(input(node, 0)), output.type);
  return {
    x,
    zeros: [
      [top!, bottom!],
      [left!, right!],
    ],
  };
}

function added(pad: readonly [Pair, Pair], zeros: readonly [Pair, Pair]): [Pair, Pair] {
  const sum = (d: 0 | 1): Pair => [pad[d][0] + zeros[d][0], pad[d][1] + zeros[d][1]];
  return [sum(0), sum(1)];
}

const conv2d: Operator = (lowering, node) => {
  const { emitter, value } = lowering;
  const kernel = value(input(node, 1));
  const shape = shapeOf(node);
  const { stride, pad } = geometryOf(node, input(node, 0).shape!, kernel.shape, shape);
  const { x, zeros } = unpadded(lowering, input(node, 0));
  const whole = { stride, pad: added(pad, zeros) };
  if (isThin(x, kernel.shape, stride)) {
    const folded = foldedInput(emitter, x, kernel.shape, shape, whole);
    return emitter.convolution(
      folded,
      foldedKernel(emitter, kernel),
      "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]",
      { pad: unit.pad },
      { shape, type: x.type },
    );
  }
  return emitter.convolution(x, kernel, "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", whole, {
    shape,
    type: x.type,
  });
};

const unit: Geometry = {
  stride: [1, 1],
  pad: [
    [0, 0],
    [0, 0],
  ],
};

/** The gradient by the input: the output's, spread out by the stride, with the kernel turned around. */
function inputGradient(
  { emitter, value }: Lowering,
  node: GraphNode,
  begin: Pair,
  shape: readonly number[],
): Value {
  const kernel = value(input(node, 1));
  const dy = value(input(node, 2));
  const whole = shapeOf(node);
  const { stride, pad } = geometryOf(node, whole, kernel.shape, dy.shape);
  const turned =
    kernel.shape[0] === 1 && kernel.shape[1] === 1 ? kernel : emitter.reverse(kernel, [0, 1]);
  const around = ([0, 1] as const).map((d): Pair => {
    const before = kernel.shape[d]! - 1 - pad[d][0];
    const spread = (dy.shape[1 + d]! - 1) * stride[d] + 1;
    const after = whole[1 + d]! + kernel.shape[d]! - 1 - spread - before;
    return [before - begin[d], after - (whole[1 + d]! - begin[d] - shape[1 + d]!)];
  });
  return emitter.convolution(
    dy,
    turned,
    "[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]",
    { pad: around, inputDilation: stride },
    { shape, type: dy.type },
  );
}

/** Of the gradient by a convolution's input, the part from `begin` of size `shape`. */
export function croppedInputGradient(
  lowering: Lowering,
  node: GraphNode,
  begin: readonly number[],
  shape: readonly number[],
): Value {
  return inputGradient(lowering, node, [begin[1]!, begin[2]!], shape);
}

/** The gradient by the kernel: the input convolved with the output's gradient, summed over images. */
const filterGradient: Operator = (lowering, node) => {
  const { emitter, value } = lowering;
  const dy = value(input(node, 2));
  const shape = shapeOf(node);
  const { stride, pad } = geometryOf(node, input(node, 0).shape!, shape, dy.shape);
  const { x, zeros } = unpadded(lowering, input(node, 0));
  const whole = { stride, pad: added(pad, zeros) };
  if (isThin(x, shape, stride)) {
    const folded = foldedInput(emitter, x, shape, dy.shape, whole);
    return unfoldedKernel(
      emitter,
      correlated(emitter, folded, dy, foldedShape(shape), unit),
      shape,
    );
  }
  return correlated(emitter, x, dy, shape, whole);
};

function correlated(
  emitter: Emitter,
  x: Value,
  dy: Value,
  shape: readonly number[],
  { stride, pad }: Geometry,
): Value {
  const around = ([0, 1] as const).map((d): Pair => {
    const spread = (dy.shape[1 + d]! - 1) * stride[d] + 1;
    return [pad[d][0], shape[d]! - 1 + spread - x.shape[1 + d]! - pad[d][0]];
  });
  return emitter.convolution(
    x,
    dy,
    "[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]",
    { pad: around, kernelDilation: stride },
    { shape, type: x.type },
  );
}

/*
 * A convolution of few channels with stride 2 (the root: 7x7 of RGB) leaves most of a tensor core's
 * lanes idle. Two by two pixels side by side become one with four times the channels, and the kernel
 * likewise, with zeros where its size is odd; the stride is 1 then. The products are the same.
 */

const fewChannels = 4;
/** Tensor cores take channels in eights. */
const lanes = 8;

function isThin(x: Value, kernel: readonly number[], [down, across]: Pair): boolean {
  return (
    x.shape[3]! <= fewChannels && down === 2 && across === 2 && kernel[0]! > 1 && kernel[1]! > 1
  );
}

function foldedChannels(channels: number): number {
  return Math.ceil((4 * channels) / lanes) * lanes;
}

/** The folded kernel's shape. */
function foldedShape([height, width, channels, filters]: readonly number[]): number[] {
  const half = (size: number) => Math.ceil(size / 2);
  return [half(height!), half(width!), foldedChannels(channels!), filters!];
}

function foldedInput(
  emitter: Emitter,
  x: Value,
  kernel: readonly number[],
  y: readonly number[],
  { pad }: Geometry,
): Value {
  const [n, , , channels] = x.shape as [number, number, number, number];
  const size = ([0, 1] as const).map((d) => y[1 + d]! - 1 + Math.ceil(kernel[d]! / 2));
  const zero = emitter.constant(0, x.type);
  const low = [0, pad[0][0], pad[1][0], 0];
  const high = [0, 1, 2, 3].map((d) => {
    return d === 1 || d === 2 ? 2 * size[d - 1]! - x.shape[d]! - low[d]! : 0;
  });
  const even = emitter.pad(x, zero, low, high);
  const apart = emitter.reshape(even, [n, size[0]!, 2, size[1]!, 2, channels]);
  const moved = emitter.transpose(apart, [0, 1, 3, 2, 4, 5]);
  const folded = emitter.reshape(moved, [n, size[0]!, size[1]!, 4 * channels]);
  const missing = foldedChannels(channels) - 4 * channels;
  return missing === 0 ? folded : emitter.pad(folded, zero, [0, 0, 0, 0], [0, 0, 0, missing]);
}

function foldedKernel(emitter: Emitter, kernel: Value): Value {
  const [height, width, channels, filters] = kernel.shape as [number, number, number, number];
  const [rows, columns, all] = foldedShape(kernel.shape) as [number, number, number];
  const zero = emitter.constant(0, kernel.type);
  const after = [2 * rows - height, 2 * columns - width, 0, 0];
  const even = emitter.pad(kernel, zero, [0, 0, 0, 0], after);
  const apart = emitter.reshape(even, [rows, 2, columns, 2, channels, filters]);
  const moved = emitter.transpose(apart, [0, 2, 1, 3, 4, 5]);
  const folded = emitter.reshape(moved, [rows, columns, 4 * channels, filters]);
  const missing = all - 4 * channels;
  return missing === 0 ? folded : emitter.pad(folded, zero, [0, 0, 0, 0], [0, 0, missing, 0]);
}

function unfoldedKernel(emitter: Emitter, folded: Value, shape: readonly number[]): Value {
  const [height, width, channels, filters] = shape as [number, number, number, number];
  const [rows, columns] = foldedShape(shape) as [number, number];
  const zeros = [0, 0, 0, 0];
  const used = emitter.slice(folded, zeros, [rows, columns, 4 * channels, filters]);
  const apart = emitter.reshape(used, [rows, columns, 2, 2, channels, filters]);
  const moved = emitter.transpose(apart, [0, 2, 1, 3, 4, 5]);
  const even = emitter.reshape(moved, [2 * rows, 2 * columns, channels, filters]);
  return emitter.slice(even, zeros, [height, width, channels, filters]);
}

export const convolutions: Readonly<Record<string, Operator>> = {
  Conv2D: conv2d,
  Conv2DBackpropInput: (lowering, node) => inputGradient(lowering, node, [0, 0], shapeOf(node)),
  Conv2DBackpropFilter: filterGradient,
};
