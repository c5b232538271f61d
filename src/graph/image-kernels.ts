/** Convolution and pooling of images `[N,H,W,C]` as operations of a TensorFlow graph. */
import * as tf from "@tensorflow/tfjs";
import { attribute } from "./attributes.js";
import { register } from "./lowering.js";
import type { NodeList, NodeOptions, Output } from "./node-list.js";
import { byWinograd, hasFusedLayers, type OwnConvolution, ownConvolution } from "./target.js";

type Padding = "valid" | "same" | number;

/** What TF.js's convolution kernels are given. A number pads every side by so many zeros. */
interface ConvAttrs {
  readonly strides: number | [number, number];
  readonly pad: Padding;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

type Shape4D = [number, number, number, number];

/**
 * The result's shape and TensorFlow's attributes of a convolution of `x` `[N,H,W,I]` with `filter`
 * `[H,W,I,O]`. Its two gradients take the same attributes; each also takes `T`.
 */
function convGeometry(x: readonly number[], filter: readonly number[], attrs: ConvAttrs) {
  const { strides, pad, dimRoundingMode } = attrs;
  const info = tf.backend_util.computeConv2DInfo(
    [...x] as Shape4D,
    [...filter] as Shape4D,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { top, bottom, left, right, type } = info.padInfo;
  const named = type === "VALID" || type === "SAME";
  const paddings = named ? [] : [0, 0, top, bottom, left, right, 0, 0];
  return {
    outShape: info.outShape,
    info,
    attrs: {
      strides: attribute.ints([1, info.strideHeight, info.strideWidth, 1]),
      padding: attribute.string(named ? type : "EXPLICIT"),
      explicit_paddings: attribute.ints(paddings),
      data_format: attribute.string("NHWC"),
      dilations: attribute.ints([1, 1, 1, 1]),
      use_cudnn_on_gpu: attribute.bool(true),
    },
  };
}

type Convolution = ReturnType<typeof convGeometry>;

/** Values of the attribute `tiles` of our convolutions and gradients. */
export const tileNumbers: Readonly<Record<OwnConvolution, number>> = {
  vectors: 0,
  amx: 1,
  plain: 2,
};

/** BitConv's attributes but for `turned`, for a result of so many pixels, as long as nothing is fused into it. */
function ownConvAttrs({ info }: Convolution, by: OwnConvolution, height: number, width: number) {
  return {
    N: attribute.int(0),
    F: attribute.int(0),
    M: attribute.int(0),
    tiles: attribute.int(tileNumbers[by]),
    out_height: attribute.int(height),
    out_width: attribute.int(width),
    stride: attribute.int(info.strideHeight),
    pad_top: attribute.int(info.padInfo.top),
    pad_left: attribute.int(info.padInfo.left),
  };
}

/** A bfloat16 kernel `[H,W,I,O]`, channels in multiples of 16, packed once and for all: of its own shape. */
export function addPackKernel(nodes: NodeList, kernel: Output, options?: NodeOptions): Output {
  return nodes.one("BitPackKernel", [kernel], {}, kernel, options);
}

register<ConvAttrs>("Conv2D", (graph, inputs, attrs) => {
  const x = graph.cast(graph.value(inputs["x"]!), graph.target.computeType);
  const filter = graph.cast(graph.kernel(inputs["filter"]!), graph.target.computeType);
  const conv = convGeometry(x.shape, filter.shape, attrs);
  if (byWinograd(graph.target, conv.info)) {
    const own = { turned: attribute.int(0), F: attribute.int(0) };
    return graph.emit("BitWinogradConv", [x, filter], own, x.type, conv.outShape);
  }
  const by = ownConvolution(graph.target, conv.info);
  if (by !== undefined) {
    const own = {
      ...ownConvAttrs(conv, by, conv.info.outHeight, conv.info.outWidth),
      T: attribute.type(x.type),
      turned: attribute.int(0),
      packed: attribute.int(filter.packed === true ? 1 : 0),
    };
    return graph.emit("BitConv", [x, filter], own, x.type, conv.outShape);
  }
  if (filter.packed === true) throw new Error(`${filter.node} is packed for another convolution`);
  const nodeAttrs = { T: attribute.type(x.type), ...conv.attrs };
  return graph.emit("Conv2D", [x, filter], nodeAttrs, x.type, conv.outShape);
});

register<ConvAttrs & { inputShape: Shape4D }>("Conv2DBackpropInput", (graph, inputs, attrs) => {
  const dy = graph.cast(graph.value(inputs["dy"]!), graph.target.computeType);
  const filter = graph.cast(graph.value(inputs["filter"]!), graph.target.computeType);
  const { inputShape } = attrs;
  const conv = convGeometry(inputShape, filter.shape, attrs);
  if (byWinograd(graph.target, conv.info)) {
    const own = { turned: attribute.int(1), F: attribute.int(0) };
    return graph.emit("BitWinogradConv", [dy, filter], own, dy.type, inputShape);
  }
  const by = ownConvolution(graph.target, conv.info);
  if (by !== undefined) {
    const own = {
      ...ownConvAttrs(conv, by, conv.info.inHeight, conv.info.inWidth),
      T: attribute.type(dy.type),
      turned: attribute.int(1),
      packed: attribute.int(0),
    };
    return graph.emit("BitConv", [dy, filter], own, dy.type, inputShape);
  }
  const nodeAttrs = { T: attribute.type(dy.type), ...conv.attrs };
  const args = [graph.builder.ints(inputShape), filter, dy];
  return graph.emit("Conv2DBackpropInput", args, nodeAttrs, dy.type, inputShape);
});

register<ConvAttrs & { filterShape: Shape4D }>("Conv2DBackpropFilter", (graph, inputs, attrs) => {
  const x = graph.cast(graph.value(inputs["x"]!), graph.target.computeType);
  const dy = graph.cast(graph.value(inputs["dy"]!), graph.target.computeType);
  const { filterShape } = attrs;
  const conv = convGeometry(x.shape, filterShape, attrs);
  if (byWinograd(graph.target, conv.info)) {
    const own = { F: attribute.int(0) };
    return graph.emit("BitWinogradFilterGrad", [x, dy], own, "float32", filterShape);
  }
  const by = ownConvolution(graph.target, conv.info);
  if (by !== undefined) {
    const { filterHeight, filterWidth, strideHeight, padInfo } = conv.info;
    const own = {
      T: attribute.type(x.type),
      kernel_height: attribute.int(filterHeight),
      kernel_width: attribute.int(filterWidth),
      stride: attribute.int(strideHeight),
      pad_top: attribute.int(padInfo.top),
      pad_left: attribute.int(padInfo.left),
      tiles: attribute.int(tileNumbers[by]),
      F: attribute.int(0),
    };
    return graph.emit("BitConvFilterGrad", [x, dy], own, "float32", filterShape);
  }
  const nodeAttrs = { T: attribute.type(x.type), ...conv.attrs };
  const args = [x, graph.builder.ints(filterShape), dy];
  const made = graph.emit("Conv2DBackpropFilter", args, nodeAttrs, x.type, filterShape);
  // Gradients of parameters are float32, as the parameters are; the fused operation that comes next
  // takes this one as it is.
  return hasFusedLayers(graph.target) ? made : graph.cast(made, "float32");
});

interface PoolAttrs {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same";
}

function poolGeometry(x: readonly number[], { filterSize, strides, pad }: PoolAttrs) {
  const info = tf.backend_util.computePool2DInfo([...x] as Shape4D, filterSize, strides, 1, pad);
  if (info.padInfo.type !== "VALID" && info.padInfo.type !== "SAME")
    throw new Error(`a pool with ${info.padInfo.type} padding: pad first, then pool 'valid'`);
  return {
    outShape: info.outShape,
    attrs: {
      ksize: attribute.ints([1, info.filterHeight, info.filterWidth, 1]),
      strides: attribute.ints([1, info.strideHeight, info.strideWidth, 1]),
      padding: attribute.string(info.padInfo.type),
      explicit_paddings: attribute.ints([]),
      data_format: attribute.string("NHWC"),
    },
  };
}

register<PoolAttrs>("MaxPool", (graph, inputs, attrs) => {
  const x = graph.value(inputs["x"]!);
  const pool = poolGeometry(x.shape, attrs);
  const nodeAttrs = { T: attribute.type(x.type), ...pool.attrs };
  return graph.emit("MaxPool", [x], nodeAttrs, x.type, pool.outShape);
});

register<PoolAttrs>("MaxPoolGrad", (graph, inputs, attrs) => {
  const x = graph.value(inputs["input"]!);
  const y = graph.value(inputs["output"]!);
  const dy = graph.cast(graph.value(inputs["dy"]!), x.type);
  const pool = poolGeometry(x.shape, attrs);
  const nodeAttrs = { T: attribute.type(x.type), ...pool.attrs };
  return graph.emit("MaxPoolGrad", [x, y, dy], nodeAttrs, x.type, x.shape);
});
