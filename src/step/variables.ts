/** A model's state inside a session: resource variables that are set, read and updated in place. */
import type { Session } from "../engine/session.js";
import { floats } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { sizeOf } from "../graph/shape.js";
import type { VariableSpec } from "../model/architecture.js";

/** One float32 variable of a graph. */
export interface GraphVariable extends VariableSpec {
  /** The resource that operations on the variable take. */
  readonly handle: Output;
  /** The variable's value at the time it is read, once a run. */
  readonly read: Output;
}

const float32 = { dtype: attribute.type("float32") };

// What one run hands over at most, so that a large model never lies in memory twice.
const largestTransferBytes = 128 * 2 ** 20;

/**
 * Declares a float32 variable, with what `assignVariables` and `readVariables` need.
 * The name, as in `resnet/head/conv2d/bias`, must be new in the graph.
 */
export function declareVariable(builder: GraphBuilder, spec: VariableSpec): GraphVariable {
  const { name, shape } = spec;
  const attrs = {
    ...float32,
    container: attribute.string(""),
    shared_name: attribute.string(name),
    shape: attribute.shape(shape),
  };
  const handle = builder.one("VarHandleOp", [], attrs, { type: "resource", shape: [] }, { name });
  const spot = { type: "float32", shape } as const;
  const read = builder.one("ReadVariableOp", [handle], float32, spot, { name: `${name}/value` });
  builder.fetchable(`${name}/read`, read);
  const fed = builder.placeholder(`${name}/new`, "float32", shape);
  builder.fetchable(`${name}/assigned`, builder.ints(0), [
    assign(builder, handle, copied(builder, fed)),
  ]);
  return { name, shape, handle, read };
}

/** Appends the assignment of `value` to the variable behind `handle`. */
export function assign(builder: GraphBuilder, handle: Output, value: Output): Output {
  const attrs = { ...float32, validate_shape: attribute.bool(false) };
  return builder.add("AssignVariableOp", [handle, value], attrs, [])[0];
}

/**
 * A copy of what was fed. A variable or a dataset would otherwise keep JavaScript's own memory, and
 * give it back on a thread that must not touch JavaScript.
 */
export function copied(builder: GraphBuilder, fed: Output): Output {
  return builder.one("DeepCopy", [fed], { T: attribute.type(fed.type) }, fed);
}

/** Sets variables from row-major float32 values, in transfers of bounded size. */
export async function assignVariables(
  session: Session,
  entries: AsyncIterable<readonly [VariableSpec, Float32Array]>,
): Promise<void> {
  let feeds: Parameters<Session["run"]>[0] = {};
  let fetches: string[] = [];
  let bytes = 0;
  const flush = async () => {
    if (fetches.length > 0) await session.run(feeds, fetches);
    feeds = {};
    fetches = [];
    bytes = 0;
  };
  for await (const [{ name, shape }, data] of entries) {
    if (bytes > 0 && bytes + data.byteLength > largestTransferBytes) await flush();
    feeds = { ...feeds, [`${name}/new`]: { type: "float32", shape, data } };
    fetches.push(`${name}/assigned`);
    bytes += data.byteLength;
  }
  await flush();
}

/** The values of variables, in transfers of bounded size. */
export async function* readVariables(
  session: Session,
  variables: readonly VariableSpec[],
): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
  let start = 0;
  while (start < variables.length) {
    let end = start;
    let bytes = 0;
    while (end < variables.length) {
      bytes += 4 * sizeOf(variables[end]!.shape);
      if (end > start && bytes > largestTransferBytes) break;
      end++;
    }
    const part = variables.slice(start, end);
    const values = await session.run(
      {},
      part.map(({ name }) => `${name}/read`),
    );
    for (let i = 0; i < part.length; i++) yield [part[i]!, floats(values[i])];
    start = end;
  }
}
