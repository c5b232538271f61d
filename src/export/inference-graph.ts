/**
 * The network as other tools are to compute it: a few plain operations over named values, from the one
 * definition in `model/resnet.ts`. Weight standardization is not among them: it is done once, on the
 * weights.
 */
import { type Architecture, headBias, headKernel, variableSpecs } from "../model/architecture.js";
import { groupNormalization } from "../model/layers.js";
import { featuresOver, type Layers } from "../model/resnet.js";
import { type InferenceNode, weightsOf } from "./inference-node.js";

/** A weight of the graph, float32. */
export interface GraphWeight {
  /** As the official archives call the variable that it is made of. */
  readonly name: string;
  /** Kernels of convolutions `[H,W,I,O]`, of the head `[C,K]`. */
  readonly shape: readonly number[];
  /** Whether it is the variable standardized, or the variable itself. */
  readonly standardized: boolean;
}

/** A network from `image`, float32 `[N,H,W,3]` in [-1, 1], to its logits. Inputs come before users. */
export interface InferenceGraph {
  readonly nodes: readonly InferenceNode[];
  /** The node whose value is `[N,C]`, what the head sees. */
  readonly features: string;
  /** The node whose value is `[N,classes]`. */
  readonly logits: string;
  /** In the order in which they are used. */
  readonly weights: readonly GraphWeight[];
}

/** The name of the graph's input. */
export const imageName = "image";

/** Describes a network with `classes` outputs. */
export function inferenceGraph(architecture: Architecture, classes: number): InferenceGraph {
  const variables = new Map(variableSpecs(architecture, classes).map((spec) => [spec.name, spec]));
  const nodes: InferenceNode[] = [];
  const add = (node: InferenceNode) => {
    nodes.push(node);
    return node.name;
  };
  const counts = new Map<string, number>();
  const numbered = (name: string) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return `${name}_${count}`;
  };
  const layers: Layers<string, string> = {
    standardizedConv: (input, path, stride) => {
      const kernel = `${path}/standardized_conv2d/kernel`;
      const [side] = variables.get(kernel)!.shape as [number, ...number[]];
      const pad = (side - 1) / 2;
      return add({ op: "convolution", name: `${path}/conv`, input, kernel, stride, pad });
    },
    groupNormRelu: (input, path) => {
      const [gamma, beta] = [`${path}/group_norm/gamma`, `${path}/group_norm/beta`];
      const name = `${path}/norm_relu`;
      return add({ op: "groupNormRelu", name, input, gamma, beta, ...groupNormalization });
    },
    zeroPad: (input, pad) => add({ op: "zeroPad", name: numbered("resnet/pad"), input, pad }),
    maxPool: (input, size, stride) => {
      return add({ op: "maxPool", name: numbered("resnet/max_pool"), input, size, stride });
    },
    add: (a, b) => add({ op: "add", name: numbered("resnet/sum"), inputs: [a, b] }),
    spatialMean: (input) => add({ op: "spatialMean", name: "features", input }),
    dense: (input) => {
      return add({ op: "dense", name: "logits", input, kernel: headKernel, bias: headBias });
    },
  };
  const features = featuresOver(architecture, layers, imageName);
  const logits = layers.dense(features);
  const weights = nodes
    .flatMap((node) => weightsOf(node))
    .map((name) => {
      const { shape } = variables.get(name)!;
      return {
        name,
        shape: name === headKernel ? shape.slice(-2) : shape,
        standardized: name.endsWith("/standardized_conv2d/kernel"),
      };
    });
  return { nodes, features, logits, weights };
}
