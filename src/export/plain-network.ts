/**
 * The network as plain operations of TensorFlow, which its own tools and TF.js have in common: nothing
 * fused, and nothing that is known only for one size of images.
 *
 * Two forms are chosen for speed, above all in TF.js's WebAssembly, and are no slower elsewhere: sums over
 * height and width are products with ones (its `Mean` over axes in the middle takes twenty times as long),
 * and convolutions of one pixel are products of matrices.
 */
import { attribute } from "../graph/attributes.js";
import type { NodeList, Output } from "../graph/node-list.js";
import { reshape } from "../graph/ops.js";
import {
  type GraphWeight,
  type InferenceGraph,
  type InferenceNode,
  imageName,
} from "./inference-graph.js";
import { Extent, Images } from "./plain-images.js";

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
 * Adds a network to a graph.
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
  const writer = new Writer(nodes, (name) => weight(weights.get(name)!));
  const values = new Map([[imageName, new Images(nodes, image, 4, 3, new Extent(nodes, image))]]);
  const vectors = new Map<string, Output>();
  for (const node of graph.nodes) {
    const value = (name: string) => values.get(name)!;
    switch (node.op) {
      case "convolution":
        values.set(node.name, writer.convolution(node, value(node.input)));
        break;
      case "zeroPad":
        values.set(node.name, writer.zeroPad(node, value(node.input)));
        break;
      case "maxPool":
        values.set(node.name, writer.maxPool(node, value(node.input)));
        break;
      case "groupNormRelu":
        values.set(node.name, writer.groupNormRelu(node, value(node.input)));
        break;
      case "add":
        values.set(node.name, writer.add(node.name, value(node.inputs[0]), value(node.inputs[1])));
        break;
      case "spatialMean":
        vectors.set(node.name, writer.spatialMean(node.name, value(node.input)));
        break;
      case "dense":
        vectors.set(node.name, writer.dense(node, vectors.get(node.input)!));
        break;
    }
  }
  return { features: vectors.get(graph.features)!, logits: vectors.get(graph.logits)! };
}

type Node<Op extends InferenceNode["op"]> = Extract<InferenceNode, { readonly op: Op }>;

/** Writes layers; the last node of each has its name. */
class Writer {
  constructor(
    private readonly nodes: NodeList,
    private readonly weight: (name: string) => Output,
  ) {}

  convolution({ name, kernel, stride, pad }: Node<"convolution">, x: Images): Images {
    const { nodes } = this;
    const filter = this.weight(kernel); // [H,W,I,O]
    const [height, width, inputs, outputs] = filter.shape as [number, number, number, number];
    if (height === 1 && width === 1 && stride === 1 && pad === 0) {
      const matrix = reshape(nodes, filter, [inputs, outputs]);
      const product = this.matMul(x.as(2), matrix, [-1, outputs], name);
      return new Images(nodes, product, 2, outputs, x.extent);
    }
    const keepsSize = stride === 1 && height === width && height === 2 * pad + 1;
    const named = keepsSize ? "SAME" : pad === 0 ? "VALID" : "EXPLICIT";
    const attrs = {
      T: float32,
      strides: attribute.ints([1, stride, stride, 1]),
      padding: attribute.string(named),
      explicit_paddings: attribute.ints(
        named === "EXPLICIT" ? [0, 0, pad, pad, pad, pad, 0, 0] : [],
      ),
      data_format: attribute.string("NHWC"),
      dilations: attribute.ints([1, 1, 1, 1]),
      use_cudnn_on_gpu: attribute.bool(true),
    };
    const made = this.images("Conv2D", [x.as(4), filter], attrs, outputs, name);
    return keepsSize ? new Images(nodes, made, 4, outputs, x.extent) : this.resized(made, outputs);
  }

  zeroPad({ name, pad }: Node<"zeroPad">, x: Images): Images {
    const paddings = this.nodes.constant("int32", [4, 2], [0, 0, pad, pad, pad, pad, 0, 0]);
    const attrs = { T: float32, Tpaddings: int32 };
    return this.resized(
      this.images("Pad", [x.as(4), paddings], attrs, x.channels, name),
      x.channels,
    );
  }

  maxPool({ name, size, stride }: Node<"maxPool">, x: Images): Images {
    const attrs = {
      T: float32,
      ksize: attribute.ints([1, size, size, 1]),
      strides: attribute.ints([1, stride, stride, 1]),
      padding: attribute.string("VALID"),
      explicit_paddings: attribute.ints([]),
      data_format: attribute.string("NHWC"),
    };
    return this.resized(this.images("MaxPool", [x.as(4)], attrs, x.channels, name), x.channels);
  }

  /**
   * A group's variance is the mean of its channels' own, plus the variance of their means: it cannot turn out
   * negative, as the difference of two means of squares can.
   */
  groupNormRelu(node: Node<"groupNormRelu">, x: Images): Images {
    const { nodes } = this;
    const { name, groups, epsilon, gamma, beta } = node;
    const { channels, extent } = x;
    const pixels = x.as(3); // [N,H W,C]
    const each = channels / groups;
    const grouped = (value: Output) => reshape(nodes, value, [-1, groups, each]);
    const mean = this.pixelMean(pixels, extent); // [N,1,C]
    const squares = this.binary("SquaredDifference", pixels, mean, pixels.shape);
    const ownVariance = grouped(this.pixelMean(squares, extent));
    const means = grouped(mean);
    const groupMean = this.channelMean(means, groups); // [N,groups,1]
    const apart = this.binary("SquaredDifference", means, groupMean, means.shape);
    const variance = this.channelMean(
      this.binary("AddV2", ownVariance, apart, means.shape),
      groups,
    );
    const safe = this.binary(
      "AddV2",
      variance,
      nodes.constant("float32", [], [epsilon]),
      variance.shape,
    );
    const rstd = nodes.one("Rsqrt", [safe], { T: float32 }, safe);
    const perGroup = (name_: string) => reshape(nodes, this.weight(name_), [groups, each]);
    const scale = this.binary("Mul", rstd, perGroup(gamma), means.shape);
    const shift = this.binary("Mul", groupMean, scale, means.shape);
    const offset = this.binary("Sub", perGroup(beta), shift, means.shape);
    const perChannel = (value: Output) => reshape(nodes, value, [-1, 1, channels]);
    const scaled = this.binary("Mul", pixels, perChannel(scale), pixels.shape);
    const moved = this.binary("AddV2", scaled, perChannel(offset), pixels.shape);
    const result = nodes.one("Relu", [moved], { T: float32 }, moved, { name });
    return new Images(nodes, result, 3, channels, extent);
  }

  add(name: string, a: Images, b: Images): Images {
    const inputs = [a.as(a.rank), b.as(a.rank)];
    const sum = this.nodes.one("AddV2", inputs, { T: float32 }, inputs[0]!, { name });
    return new Images(this.nodes, sum, a.rank, a.channels, a.extent);
  }

  spatialMean(name: string, x: Images): Output {
    const dims = this.nodes.ints([-1, x.channels]);
    const attrs = { T: float32, Tshape: int32 };
    const result = { type: "float32", shape: [-1, x.channels] } as const;
    return this.nodes.one("Reshape", [this.pixelMean(x.as(3), x.extent), dims], attrs, result, {
      name,
    });
  }

  dense({ name, kernel, bias }: Node<"dense">, features: Output): Output {
    const shape = [-1, this.weight(bias).shape![0]!];
    const product = this.matMul(features, this.weight(kernel), shape);
    return this.binary("AddV2", product, this.weight(bias), shape, name);
  }

  /** `[N,H W,C]` to `[N,1,C]`. */
  private pixelMean(pixels: Output, extent: Extent): Output {
    const attrs = { T: float32, adj_x: attribute.bool(false), adj_y: attribute.bool(false) };
    const result = { type: "float32", shape: [-1, 1, pixels.shape!.at(-1)!] } as const;
    return this.nodes.one("BatchMatMulV2", [extent.meanWeights, pixels], attrs, result);
  }

  /** `[N,groups,C / groups]` to `[N,groups,1]`. */
  private channelMean(value: Output, groups: number): Output {
    const attrs = { T: float32, Tidx: int32, keep_dims: attribute.bool(true) };
    const result = { type: "float32", shape: [-1, groups, 1] } as const;
    return this.nodes.one("Mean", [value, this.nodes.ints([2])], attrs, result);
  }

  private matMul(a: Output, b: Output, shape: readonly number[], name?: string): Output {
    const attrs = {
      T: float32,
      transpose_a: attribute.bool(false),
      transpose_b: attribute.bool(false),
    };
    return this.nodes.one("MatMul", [a, b], attrs, { type: "float32", shape }, named(name));
  }

  private binary(op: string, a: Output, b: Output, shape: Output["shape"], name?: string): Output {
    return this.nodes.one(op, [a, b], { T: float32 }, { type: "float32", shape }, named(name));
  }

  private images(
    op: string,
    inputs: readonly Output[],
    attrs: Parameters<NodeList["one"]>[2],
    channels: number,
    name: string,
  ): Output {
    return this.nodes.one(
      op,
      inputs,
      attrs,
      { type: "float32", shape: [-1, -1, -1, channels] },
      { name },
    );
  }

  private resized(value: Output, channels: number): Images {
    return new Images(this.nodes, value, 4, channels, new Extent(this.nodes, value));
  }
}

function named(name: string | undefined) {
  return name === undefined ? {} : { name };
}
