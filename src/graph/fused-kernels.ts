/**
 * Kernels of our own that do in one operation what a chain of TensorFlow's would: group normalization
 * with ReLU, weight standardization, and their gradients. The operations are native/kernels/'s, for
 * the CPU; a trace has them where the engine does, and else the layers write the chain.
 */
import * as tf from "@tensorflow/tfjs";
import { attribute } from "./attributes.js";
import { graphBackendName, type Value } from "./backend.js";
import { lowering } from "./lowering.js";

interface NormAttrs {
  readonly groups: number;
  readonly epsilon: number;
}

const float = (shape: readonly number[]) => ({ type: "float32", shape }) as const;

/** `x` `[N,H,W,C]`, `gamma`, `beta` `[C]` to `y` and the groups' mean and 1 / deviation `[N,groups]`. */
const groupNormRelu = lowering<NormAttrs>("GroupNormRelu", (graph, inputs, attrs) => {
  const x = graph.value(inputs["x"]!);
  const args = [x, graph.float32(inputs["gamma"]!), graph.float32(inputs["beta"]!)];
  const { groups, epsilon } = attrs;
  const nodeAttrs = {
    T: attribute.type(x.type),
    groups: attribute.int(groups),
    epsilon: attribute.float(epsilon),
  };
  const statistics = float([x.shape[0]!, groups]);
  const outputs = [x, statistics, statistics];
  return graph.builder.add("BitGroupNormRelu", args, nodeAttrs, outputs) as Value[];
});

/** `dy` and what the forward pass took and found, to `dx`, `dgamma`, `dbeta`. */
const groupNormReluGrad = lowering<NormAttrs>("GroupNormReluGrad", (graph, inputs, attrs) => {
  const x = graph.value(inputs["x"]!);
  const dy = graph.cast(graph.value(inputs["dy"]!), x.type);
  const rest = ["gamma", "beta", "mean", "rstd"].map((name) => graph.float32(inputs[name]!));
  const nodeAttrs = {
    T: attribute.type(x.type),
    groups: attribute.int(attrs.groups),
    N: attribute.int(0),
  };
  const outputs = [x, float(rest[0]!.shape), float(rest[1]!.shape)];
  return graph.builder.add("BitGroupNormReluGrad", [dy, x, ...rest], nodeAttrs, outputs) as Value[];
});

/** `w` `[H,W,I,O]` to standardized weights in the convolutions' type, and mean and 1 / deviation `[O]`. */
const standardize = lowering<{ readonly epsilon: number }>(
  "Standardize",
  (graph, inputs, attrs) => {
    const w = graph.float32(inputs["w"]!);
    const type = graph.computeType;
    const nodeAttrs = { T: attribute.type(type), epsilon: attribute.float(attrs.epsilon) };
    const statistics = float([w.shape[3]!]);
    const outputs = [{ type, shape: w.shape }, statistics, statistics];
    return graph.builder.add("BitStandardize", [w], nodeAttrs, outputs) as Value[];
  },
);

/** The gradient by `w`, from that by the standardized weights. */
const standardizeGrad = lowering("StandardizeGrad", (graph, inputs) => {
  const dy = graph.value(inputs["dy"]!);
  const rest = ["w", "mean", "rstd"].map((name) => graph.float32(inputs[name]!));
  const nodeAttrs = { T: attribute.type(dy.type) };
  return graph.emit("BitStandardizeGrad", [dy, ...rest], nodeAttrs, "float32", dy.shape);
});

const kernels = [groupNormRelu, groupNormReluGrad, standardize, standardizeGrad];

/** Gives the graph backend these kernels; returns what takes them away again. */
export function addFusedKernels(): () => void {
  for (const kernel of kernels) tf.registerKernel(kernel);
  return () => {
    for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, graphBackendName);
  };
}
