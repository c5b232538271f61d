/**
 * Kernels of our own that do in one operation what a chain of TensorFlow's would: group normalization
 * with ReLU, weight standardization, and their gradients. The operations are native/kernels/'s, for
 * the CPU; layers run them where the target has them, and else write the chain.
 */
import { fusedKernels } from "../model/kernel-names.js";
import { attribute } from "./attributes.js";
import type { Value } from "./backend.js";
import { intoConvolutionsMark } from "./fuse-normalization.js";
import { register } from "./lowering.js";
import type { NodeList, NodeOptions, Output, ShapedOutput } from "./node-list.js";
import { fusesNormalization, standardizedType } from "./target.js";

interface NormAttrs {
  readonly groups: number;
  readonly epsilon: number;
}

const float = (shape: readonly number[]) => ({ type: "float32", shape }) as const;

/** `x` `[N,H,W,C]`, `gamma`, `beta` `[C]` to `y` and the groups' mean and 1 / deviation `[N,groups]`. */
register<NormAttrs>(fusedKernels.groupNormRelu, (graph, inputs, attrs) => {
  const x = graph.value(inputs["x"]!);
  const args = [x, graph.float32(inputs["gamma"]!), graph.float32(inputs["beta"]!)];
  const { groups, epsilon } = attrs;
  const nodeAttrs = {
    T: attribute.type(x.type),
    groups: attribute.int(groups),
    epsilon: attribute.float(epsilon),
    M: attribute.int(0),
    ...(fusesNormalization(graph.target) && x.shape[3]! % 32 === 0 ? intoConvolutionsMark : {}),
  };
  const statistics = float([x.shape[0]!, groups]);
  const outputs = [x, statistics, statistics];
  return graph.builder.add("BitGroupNormRelu", args, nodeAttrs, outputs) as Value[];
});

/** `dy` and what the forward pass took and found, to `dx`, `dgamma`, `dbeta`. */
register<NormAttrs>(fusedKernels.groupNormReluGrad, (graph, inputs, attrs) => {
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

/** What standardized weights are rounded to, and what is added to a filter's variance. */
export interface Standardization {
  readonly type: "float32" | "bfloat16";
  readonly epsilon: number;
}

/** Float32 `w` `[H,W,I,O]` to standardized weights, and mean and 1 / deviation `[O]`, by the CPU. */
export function addStandardize(
  nodes: NodeList,
  w: ShapedOutput,
  { type, epsilon }: Standardization,
  options?: NodeOptions,
): [Output, ...Output[]] {
  const attrs = {
    T: attribute.type(type),
    epsilon: attribute.float(epsilon),
    packed: attribute.int(0),
  };
  const statistics = float([w.shape[3]!]);
  const outputs = [{ type, shape: w.shape }, statistics, statistics];
  return nodes.add("BitStandardize", [w], attrs, outputs, options);
}

/** Standardized weights are of the convolutions' type. */
register<{ readonly epsilon: number }>(fusedKernels.standardize, (graph, inputs, { epsilon }) => {
  const w = graph.float32(inputs["w"]!);
  const type = standardizedType(graph.target);
  return addStandardize(graph.builder, w, { type, epsilon }) as Value[];
});

/** The gradient by `w`, from that by the standardized weights. */
register(fusedKernels.standardizeGrad, (graph, inputs) => {
  const dy = graph.value(inputs["dy"]!);
  const rest = ["w", "mean", "rstd"].map((name) => graph.float32(inputs[name]!));
  const nodeAttrs = { T: attribute.type(dy.type) };
  return graph.emit("BitStandardizeGrad", [dy, ...rest], nodeAttrs, "float32", dy.shape);
});
