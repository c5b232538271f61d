/**
 * The network as plain operations of TensorFlow, which its own tools and TF.js have in common: nothing
 * fused, and nothing that holds for one number or size of images alone.
 */
import { attribute } from "../graph/attributes.js";
import type { NodeList, Output, ShapedOutput } from "../graph/node-list.js";
import { reshape, shapeOf, slice } from "../graph/ops.js";
import { type GraphWeight, type InferenceGraph, imageName } from "./inference-graph.js";
import type { InferenceNode, NodeOf } from "./inference-node.js";

const float32 = attribute.type("float32");
const int32 = attribute.type("int32");

/** What a network gives. */
export interface PlainNetwork {
  /** float32 `[N,C]`. */
  readonly features: Output;
  /** float32 `[N,classes]`. */
  readonly logits: Output;
}

/**
 * Adds a network to a graph. Its nodes' last operations have their names.
 * @param image float32 `[N,H,W,3]` in [-1, 1], of any number and size
 * @param weight the value of a weight, float32 in its shape
 */
export function addPlainNetwork(
  nodes: NodeList,
  graph: InferenceGraph,
  image: Output,
  weight: (weight: GraphWeight) => Output,
): PlainNetwork {
  const weights = new Map(graph.weights.map((one) => [one.name, one]));
  const writer = new Writer(nodes, image, (name) => weight(weights.get(name)!));
  const values = new Map<string, ShapedOutput>([[imageName, { ...image, shape: image.shape! }]]);
  for (const node of graph.nodes)
    values.set(
      node.name,
      writer.write(node, (name) => values.get(name)!),
    );
  return { features: values.get(graph.features)!, logits: values.get(graph.logits)! };
}

class Writer {
  /** N: int32 `[1]`. */
  private readonly count: Output;
  /** `[N,-1,groups]` by the number of groups, made once. */
  private readonly dims = new Map<number, Output>();

  constructor(
    private readonly nodes: NodeList,
    image: Output,
    private readonly weight: (name: string) => Output,
  ) {
    const first = { begin: nodes.ints([0]), size: nodes.ints([1]) };
    this.count = slice(nodes, shapeOf(nodes, image, 4), first, [1]);
  }

  write(node: InferenceNode, value: (name: string) => ShapedOutput): ShapedOutput {
    switch (node.op) {
      case "convolution":
        return this.convolution(node, value(node.input));
      case "zeroPad":
        return this.zeroPad(node, value(node.input));
      case "maxPool":
        return this.maxPool(node, value(node.input));
      case "groupNormRelu":
        return this.groupNormRelu(node, value(node.input));
      case "add": {
        const [a, b] = node.inputs.map(value);
        return this.binary("AddV2", a!, b!, a!.shape, node.name);
      }
      case "spatialMean": {
        const x = value(node.input);
        return this.mean(x, [1, 2], [-1, x.shape.at(-1)!], node.name);
      }
      case "dense":
        return this.dense(node, value(node.input));
    }
  }

  private convolution(
    { name, kernel, stride, pad }: NodeOf<"convolution">,
    x: ShapedOutput,
  ): ShapedOutput {
    const filter = this.weight(kernel); // [H,W,I,O]
    const [height, width, , outputs] = filter.shape as [number, number, number, number];
    // With stride 2, TensorFlow's 'SAME' pads otherwise.
    const same = stride === 1 && height === width && height === 2 * pad + 1;
    const padding = pad === 0 ? "VALID" : same ? "SAME" : "EXPLICIT";
    const pads = padding === "EXPLICIT" ? [0, 0, pad, pad, pad, pad, 0, 0] : [];
    const attrs = {
      T: float32,
      strides: attribute.ints([1, stride, stride, 1]),
      padding: attribute.string(padding),
      explicit_paddings: attribute.ints(pads),
      data_format: attribute.string("NHWC"),
      dilations: attribute.ints([1, 1, 1, 1]),
      use_cudnn_on_gpu: attribute.bool(true),
    };
    return this.made("Conv2D", [x, filter], attrs, [-1, -1, -1, outputs], name);
  }

  private zeroPad({ name, pad }: NodeOf<"zeroPad">, x: ShapedOutput): ShapedOutput {
    const paddings = this.nodes.constant("int32", [4, 2], [0, 0, pad, pad, pad, pad, 0, 0]);
    return this.made("Pad", [x, paddings], { T: float32, Tpaddings: int32 }, x.shape, name);
  }

  private maxPool({ name, size, stride }: NodeOf<"maxPool">, x: ShapedOutput): ShapedOutput {
    const attrs = {
      T: float32,
      ksize: attribute.ints([1, size, size, 1]),
      strides: attribute.ints([1, stride, stride, 1]),
      padding: attribute.string("VALID"),
      explicit_paddings: attribute.ints([]),
      data_format: attribute.string("NHWC"),
    };
    return this.made("MaxPool", [x], attrs, x.shape, name);
  }

  /**
   * The variance is the mean of squares of what differs from the mean: that of squares less the square of
   * the mean would be negative at times, where values lie far from zero and close together.
   */
  private groupNormRelu(node: NodeOf<"groupNormRelu">, x: ShapedOutput): ShapedOutput {
    const { name, groups, epsilon, gamma, beta } = node;
    const channels = x.shape.at(-1)!;
    const each = channels / groups;
    const grouped = [-1, groups, each];
    const mean = this.groupMean(x, groups); // [N,groups,1]
    const apart = this.binary(
      "SquaredDifference",
      x,
      this.perChannel(this.tile(mean, each), channels),
      x.shape,
    );
    const variance = this.groupMean(apart, groups);
    const least = this.nodes.constant("float32", [], [epsilon]);
    const safe = this.binary("AddV2", variance, least, variance.shape);
    const rstd = this.made("Rsqrt", [safe], { T: float32 }, safe.shape);
    const perGroup = (weight: string) => reshape(this.nodes, this.weight(weight), [groups, each]);
    const scale = this.binary("Mul", rstd, perGroup(gamma), grouped);
    const shift = this.binary("Mul", mean, scale, grouped);
    const offset = this.binary("Sub", perGroup(beta), shift, grouped);
    const scaled = this.binary("Mul", x, this.perChannel(scale, channels), x.shape);
    const moved = this.binary("AddV2", scaled, this.perChannel(offset, channels), x.shape);
    return this.made("Relu", [moved], { T: float32 }, x.shape, name);
  }

  /**
   * Means over height, width and a group's channels: `[N,groups,1]`. Over channels first, which lie next to
   * each other: TF.js's WebAssembly, which transposes to reach other axes, is six times as fast by it.
   */
  private groupMean(x: ShapedOutput, groups: number): ShapedOutput {
    const { nodes } = this;
    const each = x.shape.at(-1)! / groups;
    const ofPixels = this.mean(reshape(nodes, x, [-1, groups, each]), [2], [-1, groups]);
    const images = reshape(nodes, ofPixels, [-1, -1, groups], this.dimsOf(groups));
    return reshape(nodes, this.mean(images, [1], [-1, groups]), [-1, groups, 1]);
  }

  private dimsOf(groups: number): Output {
    const { nodes } = this;
    const attrs = { N: attribute.int(2), T: int32, Tidx: int32 };
    const inputs = [this.count, nodes.ints([-1, groups]), nodes.ints(0)];
    const made = () => nodes.one("ConcatV2", inputs, attrs, { type: "int32", shape: [3] });
    const dims = this.dims.get(groups) ?? made();
    this.dims.set(groups, dims);
    return dims;
  }

  /** `[N,groups,1]` to `[N,groups,each]`. */
  private tile(value: ShapedOutput, each: number): ShapedOutput {
    const [n, groups] = value.shape as [number, number, number];
    const attrs = { T: float32, Tmultiples: int32 };
    return this.made("Tile", [value, this.nodes.ints([1, 1, each])], attrs, [n, groups, each]);
  }

  /** `[N,groups,each]` to `[N,1,1,C]`. */
  private perChannel(value: ShapedOutput, channels: number): ShapedOutput {
    return reshape(this.nodes, value, [-1, 1, 1, channels]);
  }

  private dense({ name, kernel, bias }: NodeOf<"dense">, features: ShapedOutput): ShapedOutput {
    const matrix = this.weight(kernel);
    const shape = [-1, matrix.shape!.at(-1)!];
    const [transpose_a, transpose_b] = [attribute.bool(false), attribute.bool(false)];
    const attrs = { T: float32, transpose_a, transpose_b };
    const product = this.made("MatMul", [features, matrix], attrs, shape);
    return this.binary("AddV2", product, this.weight(bias), shape, name);
  }

  private mean(
    x: Output,
    axes: readonly number[],
    shape: readonly number[],
    name?: string,
  ): ShapedOutput {
    const attrs = { T: float32, Tidx: int32, keep_dims: attribute.bool(false) };
    return this.made("Mean", [x, this.nodes.ints(axes)], attrs, shape, name);
  }

  private binary(
    op: string,
    a: Output,
    b: Output,
    shape: readonly number[],
    name?: string,
  ): ShapedOutput {
    return this.made(op, [a, b], { T: float32 }, shape, name);
  }

  private made(
    op: string,
    inputs: readonly Output[],
    attrs: Parameters<NodeList["one"]>[2],
    shape: readonly number[],
    name?: string,
  ): ShapedOutput {
    const options = name === undefined ? {} : { name };
    return this.nodes.one(op, inputs, attrs, { type: "float32", shape }, options);
  }
}
