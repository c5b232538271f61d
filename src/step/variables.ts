/** A model's state inside a session: resource variables that are set, read and updated in place. */
import type { ArrayPlace } from "../archive/array-entry.js";
import { inGroups } from "../archive/array-groups.js";
import type { Session } from "../engine/session.js";
import { floats } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import { addStandardize } from "../graph/fused-kernels.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { addVariable, type Intake } from "../graph/graph-variable.js";
import { addPackKernel } from "../graph/image-kernels.js";
import type { Output } from "../graph/node-list.js";
import { assign } from "../graph/ops.js";
import {
  canStandardizeAhead,
  ownConvolution,
  standardizedType,
  type Target,
} from "../graph/target.js";
import {
  isOfHead,
  isStandardizedKernel,
  standardizationEpsilon,
  type VariableSpec,
} from "../model/architecture.js";
import type { KernelForm } from "../model/resnet.js";

/** One variable of a graph: float32, but for standardized kernels. */
export interface GraphVariable extends VariableSpec {
  /** The resource that operations on the variable take. */
  readonly handle: Output;
  /** The variable's value at the time it is read, once a run. */
  readonly read: Output;
  /** Whether it is given raw kernels and keeps them standardized: `declareVariables`. */
  readonly standardized?: boolean | undefined;
  /** What it is loaded together with; undefined where the graph cannot read it from a file. */
  readonly group?: VariableGroup | undefined;
}

/** Variables that the graph sets from a file by itself, all in one run: `loadVariables`. */
export interface VariableGroup {
  /** As in `load_0`. */
  readonly name: string;
  /** The variables' names. */
  readonly members: readonly string[];
}

// What one run hands over at most, so that a large model never lies in memory twice.
const largestTransferBytes = 32 * 2 ** 20;
// What a group of several reads at most: JavaScript waits for it.
const largestGroupBytes = 512 * 2 ** 20;

/**
 * Declares a float32 variable, with what `assignVariables` and `readVariables` need.
 * The name, as in `resnet/head/conv2d/bias`, must be new in the graph.
 */
export function declareVariable(builder: GraphBuilder, spec: VariableSpec): GraphVariable {
  const { name, shape } = spec;
  const { handle, read } = addVariable(builder, { name, type: "float32", shape });
  builder.fetchable(`${name}/read`, read);
  return { name, shape, handle, read };
}

/**
 * Declares a network's variables. Where the target has the host's operations, `loadVariables` can set
 * them.
 * @param kernels what is kept of convolutions' kernels, which are given raw, as archives have them, in
 *   either case. Standardized ones are in the type in which they are used, packed where convolutions
 *   are ours, and `readVariables` does not give them: nobody is to take them for a model's weights.
 * @throws Error where they are to be standardized and the target lacks the operation
 */
export function declareVariables(
  builder: GraphBuilder,
  specs: readonly VariableSpec[],
  target: Target,
  kernels: KernelForm = "raw",
): GraphVariable[] {
  const ahead = kernels === "standardized";
  if (ahead && !canStandardizeAhead(target))
    throw new Error("the engine lacks the operation that standardizes kernels");
  const intakeOf = (spec: VariableSpec) => {
    if (!ahead || !isStandardizedKernel(spec.name)) return undefined;
    return standardizing(builder, spec, target);
  };
  const variables = specs.map((spec) => {
    const given = intakeOf(spec);
    if (given === undefined) return declareVariable(builder, spec);
    const { name, shape } = spec;
    const type = standardizedType(target);
    const { handle, read } = addVariable(builder, { name, type, shape }, given);
    return {
      ...{ name, shape, handle, standardized: true },
      read: { ...read, packed: isPacked(spec, target) },
    };
  });
  if (!target.native.host) return variables;
  return loadedTogether(variables).flatMap((members, i) => {
    const group = { name: `load_${i}`, members: members.map(({ name }) => name) };
    const places = builder.placeholder(`${group.name}/places`, "int64", [members.length, 4]);
    const assigned = members.map((variable, row) => {
      const { handle, shape } = variable;
      const attrs = { dims: attribute.ints(shape), row: attribute.int(row) };
      const float32 = { type: "float32", shape } as const;
      const value = builder.one("BitReadArray", [places], attrs, float32, { device: "cpu" });
      return assign(builder, handle, intakeOf(variable)?.kept(value) ?? value);
    });
    builder.fetchable(`${group.name}/done`, builder.ints(0), assigned);
    return members.map((variable) => ({ ...variable, group }));
  });
}

/** Takes a kernel raw and keeps it standardized, by the very operation that a step has for it. */
function standardizing(builder: GraphBuilder, spec: VariableSpec, target: Target): Intake {
  const how = { type: standardizedType(target), epsilon: standardizationEpsilon };
  const onHost = { device: "cpu" } as const;
  return {
    type: "float32",
    kept: (raw) => {
      const [standardized] = addStandardize(builder, raw, how, onHost);
      return isPacked(spec, target) ? addPackKernel(builder, standardized, onHost) : standardized;
    },
  };
}

/** Whether a standardized kernel is kept as our convolutions pack it: those of bfloat16. */
function isPacked({ shape }: VariableSpec, target: Target): boolean {
  const [, , inChannels, outChannels] = shape as [number, number, number, number];
  // Those of the network have one stride for both directions.
  const stride = { strideHeight: 1, strideWidth: 1 };
  const by = ownConvolution(target, { inChannels, outChannels, ...stride });
  return by !== undefined && target.computeType === "bfloat16";
}

/** Variables in groups that are loaded together. The head is apart: a new one is not loaded. */
function loadedTogether(variables: readonly GraphVariable[]): GraphVariable[][] {
  const shapeOf = ({ shape }: VariableSpec) => shape;
  return inGroups(variables, shapeOf, largestGroupBytes, (a, b) => isOfHead(a) === isOfHead(b));
}

type Entry = readonly [VariableSpec, Float32Array];

/** Sets variables from row-major float32 values, in transfers of bounded size. */
export async function assignVariables(
  session: Session,
  entries: Iterable<Entry> | AsyncIterable<Entry>,
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

/**
 * Sets a group of variables from a file, which the engine reads on all its threads: the values
 * never lie in JavaScript's memory.
 *
 * @param places where each member's values lie, in the members' order
 * @throws SessionError where a place cannot be read, or its values are not those that were written
 */
export async function loadVariables(
  session: Session,
  { name, members }: VariableGroup,
  places: readonly ArrayPlace[],
): Promise<void> {
  const numbers = places.flatMap(({ descriptor, position, previousCrc, expectedCrc = -1 }) => {
    return [descriptor, position, previousCrc, expectedCrc];
  });
  const data = BigInt64Array.from(numbers, BigInt);
  const feeds = {
    [`${name}/places`]: { type: "int64", shape: [members.length, 4], data },
  } as const;
  await session.run(feeds, [`${name}/done`]);
}

/** The values of variables, in transfers of bounded size. */
export async function* readVariables(
  session: Session,
  variables: readonly VariableSpec[],
): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
  for (const part of inGroups(variables, ({ shape }) => shape, largestTransferBytes)) {
    const values = await session.run(
      {},
      part.map(({ name }) => `${name}/read`),
    );
    for (let i = 0; i < part.length; i++) yield [part[i]!, floats(values[i])];
  }
}
