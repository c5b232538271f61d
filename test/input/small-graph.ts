/** Small graphs of the operations of native/kernels/, for tests. */
import type { Engine, HostTensor, Session } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { Output } from "../../src/graph/node-list.js";
import { cast } from "../../src/graph/ops.js";

/** As in scripts/make-resize-fixtures.py: uint8 `[height,width,3]`. */
export function noise(height: number, width: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(height * width * 3);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 2654435761) >>> 24;
  return bytes;
}

export const bytes = (shape: readonly number[], data: Uint8Array): HostTensor => {
  return { type: "uint8", shape, data };
};
export const ints = (shape: readonly number[], values: readonly number[]): HostTensor => {
  return { type: "int32", shape, data: Int32Array.from(values) };
};

/**
 * Opens a session on a small graph. `fetch` gives one value of a run as bytes, which all values here
 * fit into; the binding brings neither bytes nor 64-bit integers to JavaScript itself.
 */
export function openGraph(
  engine: Engine,
  write: (builder: GraphBuilder) => Record<string, Output>,
) {
  const builder = new GraphBuilder();
  for (const [name, output] of Object.entries(write(builder)))
    builder.fetchable(name, output.type === "bool" ? output : cast(builder, output, "float32"));
  const session = engine.open(builder.build());
  const fetch = async (name: string, feeds: Record<string, HostTensor> = {}) => {
    const [value] = await session.run(feeds, [name]);
    return { shape: value!.shape, data: Uint8Array.from(value!.data as Float32Array) };
  };
  return { session, fetch };
}

/** Closes a session after its use, whatever comes. */
export async function closing<T>(session: Session, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    session.close();
  }
}
