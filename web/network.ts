/** The network of a page, computed by TF.js one photo at a time. */
import {
  add,
  avgPool,
  conv2d,
  dispose,
  fused,
  gather,
  matMul,
  maxPool,
  pad,
  reshape,
  square,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor,
  tensor1d,
  tensor2d,
  tensor4d,
  tidy,
} from "@tensorflow/tfjs-core";
import type { GraphWeight, InferenceGraph } from "../src/export/inference-graph.js";
import { type InferenceNode, inputsOf, type NodeOf } from "../src/export/inference-node.js";

/** What the network makes of a photo. */
export interface NetworkValues {
  /** `[classes]` */
  readonly logits: Float32Array;
  /** `[1,H,W,C]`, of which the head sees the mean. To be disposed of. */
  readonly lastMap: Tensor4D;
}

/** A network with its weights in memory. */
export class Network {
  private readonly kernels = new Map<string, Tensor>();
  private readonly vectors = new Map<string, Float32Array>();
  private readonly lastUses = new Map<string, number>();
  private readonly head: NodeOf<"dense">;
  private readonly lastMap: string;

  constructor(private readonly graph: InferenceGraph) {
    graph.nodes.forEach((node, index) => {
      for (const input of inputsOf(node)) this.lastUses.set(input, index);
    });
    const named = (name: string) => graph.nodes.find((node) => node.name === name);
    const [head, features] = [named(graph.logits), named(graph.features)];
    if (head?.op !== "dense" || features?.op !== "spatialMean")
      throw new Error("the network's head is not one on a mean over places");
    this.head = head;
    this.lastMap = features.input;
  }

  /** Takes a weight's values. */
  readonly take = ({ name, shape }: GraphWeight, values: Float32Array): void => {
    if (shape.length === 1) this.vectors.set(name, values);
    else this.kernels.set(name, tensor(values, [...shape]));
  };

  /**
   * Computes a photo's logits.
   * @param image `[side,side,3]` in [-1, 1]
   */
  run(image: Float32Array, side: number): NetworkValues {
    const values = new Map<string, Tensor>([["image", tensor(image, [1, side, side, 3])]]);
    const value = (name: string) => values.get(name)!;
    this.graph.nodes.forEach((node, index) => {
      values.set(
        node.name,
        tidy(() => this.compute(node, value)),
      );
      for (const input of inputsOf(node))
        if (this.lastUses.get(input) === index && input !== this.lastMap) dispose(value(input));
    });
    const logits = value(this.graph.logits);
    const read = logits.dataSync<"float32">();
    dispose(logits);
    return { logits: read, lastMap: value(this.lastMap) as Tensor4D };
  }

  /**
   * What each place of the last map adds to the logits of some classes: class activation maps, which for a
   * head on a mean over places are those of Grad-CAM too. Source: arXiv 1512.04150 and 1610.02391.
   * @param lastMap `[1,H,W,C]`
   * @returns for each class `[H,W]`; its mean, plus the class's bias, is the class's logit
   */
  heat(lastMap: Tensor4D, classes: readonly number[]): Float32Array[] {
    const [, height, width, channels] = lastMap.shape;
    const added = tidy(() => {
      const columns = gather(
        this.kernel<Tensor2D>(this.head.kernel),
        tensor1d([...classes], "int32"),
        1,
      );
      const places = reshape(lastMap, [height * width, channels]);
      return matMul(places as Tensor2D, columns).dataSync<"float32">(); // [H W,classes]
    });
    return classes.map((_, k) => {
      const map = new Float32Array(height * width);
      return map.map((_, place) => added[place * classes.length + k]!);
    });
  }

  private compute(node: InferenceNode, value: (name: string) => Tensor): Tensor {
    const image = (name: string) => value(name) as Tensor4D;
    switch (node.op) {
      case "convolution":
        return conv2d(image(node.input), this.kernel<Tensor4D>(node.kernel), node.stride, node.pad);
      case "zeroPad":
        return zeroPad(image(node.input), node.pad);
      case "maxPool":
        return maxPool(image(node.input), node.size, node.stride, "valid");
      case "groupNormRelu": {
        const [gamma, beta] = [this.vector(node.gamma), this.vector(node.beta)];
        return groupNormRelu(image(node.input), gamma, beta, node);
      }
      case "add":
        return add(value(node.inputs[0]), value(node.inputs[1]));
      case "spatialMean": {
        const [, , , channels] = image(node.input).shape;
        return reshape(spatialMean(image(node.input)), [1, channels]);
      }
      case "dense": {
        const product = matMul(value(node.input) as Tensor2D, this.kernel<Tensor2D>(node.kernel));
        const bias = this.vector(node.bias);
        return add(product, tensor2d(bias, [1, bias.length]));
      }
    }
  }

  private kernel<T extends Tensor>(name: string): T {
    return this.kernels.get(name) as T;
  }

  private vector(name: string): Float32Array {
    return this.vectors.get(name)!;
  }
}

function zeroPad(x: Tensor4D, by: number): Tensor4D {
  return pad(x, [
    [0, 0],
    [by, by],
    [by, by],
    [0, 0],
  ]);
}

/** `[1,H,W,C]` to `[1,1,1,C]`. */
function spatialMean(x: Tensor4D): Tensor4D {
  const [, height, width] = x.shape;
  // A window of one pixel is refused.
  return height * width === 1 ? x : avgPool(x, [height, width], 1, "valid");
}

/**
 * Group normalization and ReLU of `x` `[1,H,W,C]`. With one image, scale and offset of each channel are those
 * of a depthwise convolution of one pixel, which with its bias and ReLU is one pass over the image, several
 * times as fast as the operations one by one. A group's variance is the mean of its channels' own, about
 * their own means, plus the variance of these means: it loses no digits where means are large.
 */
function groupNormRelu(
  x: Tensor4D,
  gamma: Float32Array,
  beta: Float32Array,
  { groups, epsilon }: NodeOf<"groupNormRelu">,
): Tensor4D {
  const channels = gamma.length;
  const means = spatialMean(x).dataSync<"float32">(); // [C]
  const centered = scaled(
    x,
    new Float32Array(channels).fill(1),
    means.map((mean) => -mean),
    "linear",
  );
  const variances = spatialMean(square(centered)).dataSync<"float32">();
  const scale = new Float32Array(channels);
  const offset = new Float32Array(channels);
  const each = channels / groups;
  for (let begin = 0; begin < channels; begin += each) {
    let [mean, variance] = [0, 0];
    for (let c = begin; c < begin + each; c++) mean += means[c]! / each;
    for (let c = begin; c < begin + each; c++)
      variance += (variances[c]! + (means[c]! - mean) ** 2) / each;
    const rstd = 1 / Math.sqrt(variance + epsilon);
    for (let c = begin; c < begin + each; c++) {
      scale[c] = gamma[c]! * rstd;
      offset[c] = beta[c]! + (means[c]! - mean) * gamma[c]! * rstd;
    }
  }
  return scaled(centered, scale, offset, "relu");
}

function scaled(
  x: Tensor4D,
  scale: Float32Array,
  offset: Float32Array,
  activation: "linear" | "relu",
): Tensor4D {
  const filter = tensor4d(scale, [1, 1, scale.length, 1]);
  const options = { x, filter, strides: 1, pad: "valid", bias: tensor1d(offset) } as const;
  return fused.depthwiseConv2d({ ...options, activation });
}
