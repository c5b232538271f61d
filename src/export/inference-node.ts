/** The operations of a network as other tools are to compute it. Free of TF.js and Node: browsers use it too. */

/** One operation. Its value has its name; inputs are names of nodes, or `image`. */
export type InferenceNode = { readonly name: string } & (
  | {
      /** Of `[N,H,W,I]` with a kernel `[H,W,I,O]`; `pad` rows and columns of zeros on every side. */
      readonly op: "convolution";
      readonly input: string;
      readonly kernel: string;
      readonly stride: 1 | 2;
      readonly pad: number;
    }
  | { readonly op: "zeroPad"; readonly input: string; readonly pad: number }
  /** Without padding. */
  | {
      readonly op: "maxPool";
      readonly input: string;
      readonly size: number;
      readonly stride: number;
    }
  /** Biased variance over height, width and a group's channels; then gamma, beta `[C]`, and ReLU. */
  | {
      readonly op: "groupNormRelu";
      readonly input: string;
      readonly gamma: string;
      readonly beta: string;
      readonly groups: number;
      readonly epsilon: number;
    }
  | { readonly op: "add"; readonly inputs: readonly [string, string] }
  /** `[N,H,W,C]` to `[N,C]`. */
  | { readonly op: "spatialMean"; readonly input: string }
  /** `[N,C]` times a kernel `[C,K]`, plus a bias `[K]`. */
  | {
      readonly op: "dense";
      readonly input: string;
      readonly kernel: string;
      readonly bias: string;
    }
);

/** A node of one kind of operation. */
export type NodeOf<Op extends InferenceNode["op"]> = Extract<InferenceNode, { readonly op: Op }>;

/** The names of the weights that a node uses. */
export function weightsOf(node: InferenceNode): readonly string[] {
  if (node.op === "convolution") return [node.kernel];
  if (node.op === "groupNormRelu") return [node.gamma, node.beta];
  return node.op === "dense" ? [node.kernel, node.bias] : [];
}

/** The names of the values that a node takes: nodes before it, or `image`. */
export function inputsOf(node: InferenceNode): readonly string[] {
  return node.op === "add" ? node.inputs : [node.input];
}
