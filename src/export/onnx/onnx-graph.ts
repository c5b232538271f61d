/**
 * The network in ONNX's operations. Images come in as `[N,H,W,3]` and are turned once to the
 * `[N,C,H,W]` in which ONNX computes.
 */
import { type InferenceGraph, imageName } from "../inference-graph.js";
import type { InferenceNode, NodeOf } from "../inference-node.js";
import { type AttributeProto, attributeType, type NodeProto } from "./onnx-proto.js";

/** A tensor of the file that is made of a weight of the network. */
export interface WeightTensor {
  readonly name: string;
  /** The weight's name. */
  readonly weight: string;
  readonly dims: readonly number[];
  /** `[H,W,I,O]` of a kernel that is to be stored `[O,I,H,W]`; undefined where the order is kept. */
  readonly kernel: readonly number[] | undefined;
}

/** A small tensor that belongs to the operations, not to the weights. */
export type ConstantTensor = { readonly name: string; readonly dims: readonly number[] } & (
  | { readonly type: "int64"; readonly values: readonly number[] }
  | { readonly type: "float32"; readonly values: readonly number[] }
);

/** The parts of an ONNX graph. */
export interface OnnxGraph {
  readonly nodes: readonly NodeProto[];
  readonly weights: readonly WeightTensor[];
  readonly constants: readonly ConstantTensor[];
}

/**
 * What is padded with instead of zero. ONNX Runtime (1.17.3 to 1.32.0) makes a pad of exact zeros part of
 * the max-pool behind it, whose own padding is minus infinity: wrong wherever all that a window sees is
 * negative. This value takes part in the maximum as zero does.
 * findings/onnxruntime-zero-pad-before-max-pool.sh shows it.
 */
const almostZero = 1e-30;

/** @param f16 weights are stored in float16, and widened before use */
export function onnxGraph(graph: InferenceGraph, f16: boolean): OnnxGraph {
  const writer = new GraphWriter(graph, f16);
  for (const node of graph.nodes) writer.add(node);
  return writer;
}

const attribute = {
  float: (name: string, f: number): AttributeProto => ({ name, f, type: attributeType.float }),
  int: (name: string, i: number): AttributeProto => ({ name, i, type: attributeType.int }),
  string: (name: string, s: string): AttributeProto => ({ name, s, type: attributeType.string }),
  ints: (name: string, ...ints: readonly number[]): AttributeProto => {
    return { name, ints, type: attributeType.ints };
  },
};

class GraphWriter implements OnnxGraph {
  readonly nodes: NodeProto[] = [];
  readonly weights: WeightTensor[] = [];
  readonly constants: ConstantTensor[] = [];
  /** The value `[N,C,H,W]` or `[N,C]` of each node, by the node's name. */
  private readonly values = new Map<string, string>();

  constructor(
    private readonly graph: InferenceGraph,
    private readonly f16: boolean,
  ) {
    const turned = `${imageName}/channels_first`;
    this.emit("Transpose", turned, [imageName], attribute.ints("perm", 0, 3, 1, 2));
    this.values.set(imageName, turned);
  }

  add(node: InferenceNode): void {
    this.values.set(node.name, this.write(node));
  }

  private write(node: InferenceNode): string {
    const { name } = node;
    switch (node.op) {
      case "convolution": {
        const [height, width] = this.shapeOf(node.kernel) as [number, number];
        return this.emit(
          ...(["Conv", name, [this.value(node.input), this.kernel(node.kernel)]] as const),
          attribute.ints("kernel_shape", height, width),
          attribute.ints("strides", node.stride, node.stride),
          attribute.ints("pads", node.pad, node.pad, node.pad, node.pad),
        );
      }
      case "zeroPad": {
        const { pad } = node;
        const pads = this.integers(`${name}/pads`, [0, 0, pad, pad, 0, 0, pad, pad]);
        const filler = this.floats("almost_zero", [], [almostZero]);
        // The default, which pnnx (20261020) does not know: findings/pnnx-pad-without-mode.sh shows it.
        const mode = attribute.string("mode", "constant");
        return this.emit("Pad", name, [this.value(node.input), pads, filler], mode);
      }
      case "maxPool":
        return this.emit(
          ...(["MaxPool", name, [this.value(node.input)]] as const),
          attribute.ints("kernel_shape", node.size, node.size),
          attribute.ints("strides", node.stride, node.stride),
        );
      case "groupNormRelu":
        return this.groupNormRelu(node);
      case "add":
        return this.emit(
          "Add",
          name,
          node.inputs.map((input) => this.value(input)),
        );
      case "spatialMean": {
        const mean = this.emit(
          ...(["ReduceMean", `${name}/mean`, [this.value(node.input)]] as const),
          attribute.ints("axes", 2, 3),
          attribute.int("keepdims", 0),
        );
        // An output of the model that a node reads too: onnxconverter-common 1.16 cannot convert that
        // with keep_io_types. findings/onnxconverter-output-read-again.sh shows it.
        this.emit("Identity", name, [mean]);
        return mean;
      }
      case "dense": {
        const weights = [this.weight(node.kernel), this.weight(node.bias)];
        return this.emit("Gemm", name, [this.value(node.input), ...weights]);
      }
    }
  }

  /**
   * GroupNormalization of opset 18 is refused by the checker, and by runtimes before it: a group becomes
   * a channel, whose instance is normalized.
   */
  private groupNormRelu(node: NodeOf<"groupNormRelu">): string {
    const { name, groups } = node;
    const x = this.value(node.input);
    const channels = this.shapeOf(node.gamma)[0]!;
    const grouping = this.integers(`groups_${groups}`, [0, groups, -1]);
    const ones = this.floats(`ones_${groups}`, [groups], Array<number>(groups).fill(1));
    const zeros = this.floats(`zeros_${groups}`, [groups], Array<number>(groups).fill(0));
    const grouped = this.emit("Reshape", `${name}/grouped`, [x, grouping]);
    const epsilon = attribute.float("epsilon", node.epsilon);
    const instance = [grouped, ones, zeros];
    const even = this.emit("InstanceNormalization", `${name}/normalized`, instance, epsilon);
    const shape = this.emit("Shape", `${name}/shape`, [x]);
    const whole = this.emit("Reshape", `${name}/ungrouped`, [even, shape]);
    const gamma = this.weight(node.gamma, [channels, 1, 1]);
    const beta = this.weight(node.beta, [channels, 1, 1]);
    const scaled = this.emit("Mul", `${name}/scaled`, [whole, gamma]);
    const shifted = this.emit("Add", `${name}/shifted`, [scaled, beta]);
    return this.emit("Relu", name, [shifted]);
  }

  private emit(
    opType: string,
    name: string,
    input: readonly string[],
    ...attributes: readonly AttributeProto[]
  ): string {
    this.nodes.push({ name, opType, input, output: [name], attribute: attributes });
    return name;
  }

  private kernel(weight: string): string {
    const kernel = this.shapeOf(weight);
    const [height, width, inputs, outputs] = kernel as [number, number, number, number];
    return this.weight(weight, [outputs, inputs, height, width], kernel);
  }

  private weight(weight: string, dims = this.shapeOf(weight), kernel?: readonly number[]): string {
    const name = this.f16 ? `${weight}/float16` : weight;
    this.weights.push({ name, weight, dims, kernel });
    return this.f16 ? this.emit("Cast", weight, [name], attribute.int("to", 1)) : weight;
  }

  private integers(name: string, values: readonly number[]): string {
    return this.constant({ name, type: "int64", dims: [values.length], values });
  }

  private floats(name: string, dims: readonly number[], values: readonly number[]): string {
    return this.constant({ name, type: "float32", dims, values });
  }

  private constant(tensor: ConstantTensor): string {
    if (!this.constants.some(({ name }) => name === tensor.name)) this.constants.push(tensor);
    return tensor.name;
  }

  private value(node: string): string {
    const value = this.values.get(node);
    if (value === undefined) throw new Error(`${node} is used before it is computed`);
    return value;
  }

  private shapeOf(weight: string): readonly number[] {
    const found = this.graph.weights.find(({ name }) => name === weight);
    if (found === undefined) throw new Error(`the network has no weight ${weight}`);
    return found.shape;
  }
}
