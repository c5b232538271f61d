/** How a kernel of TF.js becomes nodes of a graph. */
import * as tf from "@tensorflow/tfjs";
import { type GraphBackend, graphBackendName, type Value } from "./backend.js";

/** Appends what a kernel does, one value or several. `inputs` and `attrs` are those of TF.js's kernel. */
export type Lowering<Attrs> = (
  graph: GraphBackend,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attrs: Attrs,
) => Value | Value[];

/** Registers a kernel for the graph backend. */
export function register<Attrs = Readonly<Record<string, unknown>>>(
  kernelName: string,
  lower: Lowering<Attrs>,
): void {
  tf.registerKernel({
    kernelName,
    backendName: graphBackendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const graph = backend as GraphBackend;
      const named = inputs as Readonly<Record<string, tf.TensorInfo>>;
      const made = lower(graph, named, attrs as Attrs);
      return Array.isArray(made) ? made.map((value) => graph.keep(value)) : graph.keep(made);
    },
  });
}
