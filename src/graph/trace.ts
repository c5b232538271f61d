/** Runs TF.js code so that it writes a graph. */
import * as tf from "@tensorflow/tfjs";
import { GraphBackend, graphBackendName } from "./backend.js";
import "./fused-kernels.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Target } from "./target.js";
import "./image-kernels.js";
import "./kernels.js";

// Ends with the last trace that was asked for.
let lastTrace: Promise<unknown> = Promise.resolve();

/**
 * Traces `program` into `builder`: whatever TF.js computes in it becomes nodes.
 * TF.js's current backend is the same before and after. One trace runs at a time: TF.js has one current
 * backend. Others wait, in their order.
 * @returns what `program` returns, usually the `Output`s of its results
 */
export function trace<T>(
  builder: GraphBuilder,
  target: Target,
  program: (backend: GraphBackend) => T,
): Promise<T> {
  const traced = lastTrace.then(() => traceNow(builder, target, program));
  lastTrace = traced.catch(() => undefined);
  return traced;
}

async function traceNow<T>(
  builder: GraphBuilder,
  target: Target,
  program: (backend: GraphBackend) => T,
): Promise<T> {
  const previous = tf.engine().backendName;
  const backend = new GraphBackend(builder, target);
  tf.registerBackend(graphBackendName, () => backend);
  try {
    await tf.setBackend(graphBackendName);
    let result: T | undefined;
    tf.tidy(() => {
      result = program(backend);
    });
    return result as T;
  } finally {
    tf.removeBackend(graphBackendName);
    if (previous) await tf.setBackend(previous);
  }
}
