/** Small programs, traced and run with their gradients, for tests of the engine's operations. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../src/archive/shape.js";
import { floats } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { Target } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { engine } from "../engine-for-tests.js";

export type Values = Readonly<Record<string, { shape: number[]; data: Float32Array }>>;

/** Values that look random, the same each time, around `mean` with a spread of about 1. */
export function wave(shape: number[], seed: number, mean = 0) {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    return mean + Math.sin(12.9898 * (i + 1) + seed) + 0.7 * Math.cos(7.233 * (i + 1) * (seed + 1));
  });
  return { shape, data };
}

/** Runs `program` on fed values for a target: its value, and its gradients against `dy`. */
export async function run(
  target: Target,
  fed: Values,
  program: (inputs: Record<string, tf.Tensor>) => tf.Tensor,
): Promise<Float32Array[]> {
  const builder = new GraphBuilder();
  const spots = Object.entries(fed).map(([name, { shape }]) => {
    return [name, builder.placeholder(name, "float32", shape)] as const;
  });
  const count = await trace(builder, target, (graph) => {
    const inputs = Object.fromEntries(spots.map(([name, spot]) => [name, graph.tensor(spot)]));
    const { dy, ...rest } = inputs;
    const names = Object.keys(rest);
    const body = (...values: tf.Tensor[]) => {
      return program(Object.fromEntries(names.map((name, i) => [name, values[i]!])));
    };
    const value = body(...Object.values(rest));
    const gradients = tf.grads(body)(Object.values(rest), dy);
    for (const [i, out] of [value, ...gradients].entries())
      builder.fetchable(`out/${i}`, graph.float32(out));
    return 1 + gradients.length;
  });
  const session = engine.open(builder.build());
  try {
    const feeds = Object.entries(fed).map(([name, value]) => [
      name,
      { type: "float32" as const, ...value },
    ]);
    const fetches = Array.from({ length: count }, (_, i) => `out/${i}`);
    return (await session.run(Object.fromEntries(feeds), fetches)).map(floats);
  } finally {
    session.close();
  }
}

/** The largest difference as a share of the largest magnitude. */
export function deviation(got: Float32Array, wanted: Float32Array | Float64Array): number {
  assert.equal(got.length, wanted.length);
  let worst = 0;
  let largest = 1e-12;
  for (const [i, value] of wanted.entries()) {
    worst = Math.max(worst, Math.abs(got[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return worst / largest;
}
