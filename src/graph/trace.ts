/** Runs TF.js code so that it writes a graph. */
import * as tf from "@tensorflow/tfjs";
import { type ComputePolicy, GraphBackend, graphBackendName } from "./backend.js";
import { addFusedKernels } from "./fused-kernels.js";
import type { GraphBuilder } from "./graph-builder.js";
import "./image-kernels.js";
import "./kernels.js";

let last: Promise<unknown> = Promise.resolve();

/**
 * Traces `program` into `builder`: whatever TF.js computes in it becomes nodes.
 * TF.js's current backend is the same before and after. One trace runs at a time; others wait for it.
 * @returns what `program` returns, usually the `Output`s of its results
 */
export function trace<T>(
  builder: GraphBuilder,
  policy: ComputePolicy,
  program: (backend: GraphBackend) => T,
): Promise<T> {
  const traced = last.then(() => traceAlone(builder, policy, program));
  last = traced.catch(() => undefined);
  return traced;
}

async function traceAlone<T>(
  builder: GraphBuilder,
  policy: ComputePolicy,
  program: (backend: GraphBackend) => T,
): Promise<T> {
  const previous = tf.engine().backendName;
  const backend = new GraphBackend(builder, policy);
  const removeFused = backend.fused ? addFusedKernels() : undefined;
  tf.registerBackend(graphBackendName, () => backend);
  try {
    await tf.setBackend(graphBackendName);
    let result: T | undefined;
    tf.tidy(() => {
      result = program(backend);
    });
    return result as T;
  } finally {
    removeFused?.();
    tf.removeBackend(graphBackendName);
    if (previous) await tf.setBackend(previous);
  }
}
