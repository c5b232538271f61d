/** What a run of some fetches is: work of the host's, values moved, or a program of the device's. */
import { sizeOf } from "../../archive/shape.js";
import type { GraphNode } from "../../graph/node-list.js";
import { type NodeIndex, nodeOf, type Reach, reachOf } from "../../graph/stablehlo/reach.js";
import { type HostTensor, scalar } from "../session.js";

/** Where a variable's new value comes from. */
export type ValueSource =
  | { readonly kind: "feed"; readonly name: string }
  | { readonly kind: "host"; readonly node: string }
  | { readonly kind: "constant"; readonly value: HostTensor };

export type Plan =
  | { readonly kind: "host"; readonly restarts: readonly string[] }
  | {
      readonly kind: "transfer";
      /** The variable that each fetch reads, undefined where it only says that all is done. */
      readonly reads: readonly (string | undefined)[];
      readonly writes: readonly { readonly variable: string; readonly from: ValueSource }[];
      readonly host: HostPart;
    }
  | { readonly kind: "program"; readonly reach: Reach; readonly host: HostPart };

/** What the host computes for a run. */
export interface HostPart {
  /** Nodes, of which the first output is fetched. */
  readonly nodes: readonly string[];
  /** Placeholders that they need. */
  readonly feeds: readonly string[];
  /** Iterators from which they take: each run gives others. */
  readonly iterators: readonly string[];
}

export function planOf(index: NodeIndex, fetches: readonly string[]): Plan {
  const reach = reachOf(index, fetches);
  const touches = reach.reads.length > 0 || reach.updates.length > 0;
  if (!touches) {
    const { iterators } = hostPart(index, reach.effects);
    return { kind: "host", restarts: iterators };
  }
  if (reach.effects.length > 0)
    throw new Error(`${fetches.join()}: ${reach.effects[0]!.name} is for the host alone`);
  const hosted = reach.hosted.map(({ node, index: place }) => {
    if (place !== 0) throw new Error(`${node}:${place} is not a first output`);
    return nodeOf(index, node);
  });
  const host = hostPart(index, hosted);
  const onHost = new Set(hosted.map(({ name }) => name));
  const reads = fetches.map((name) => readOf(index, nodeOf(index, name)));
  const writes = reach.updates.map((node) => {
    const from = node.op === "AssignVariableOp" ? sourceOf(index, node, onHost) : undefined;
    return from && { variable: node.inputs[0]!.node, from };
  });
  const plain = fetches.every((name, i) => reads[i] !== undefined || isDone(index, name));
  if (plain && writes.every((write) => write !== undefined))
    return { kind: "transfer", reads, writes, host };
  return { kind: "program", reach, host };
}

/** The variable whose value is fetched as it is. */
function readOf(index: NodeIndex, node: GraphNode): string | undefined {
  const [value] = node.inputs;
  if (node.op !== "Identity" || value === undefined || node.after.length > 0) return undefined;
  const producer = nodeOf(index, value.node);
  return producer.op === "ReadVariableOp" ? producer.inputs[0]!.node : undefined;
}

/** Whether a fetch is a constant, which only says that what comes before is done. */
function isDone(index: NodeIndex, name: string): boolean {
  const [value] = nodeOf(index, name).inputs;
  return value !== undefined && nodeOf(index, value.node).op === "Const";
}

/** What `isDone` fetches are given. */
export const done: HostTensor = { type: "int32", shape: [], data: Int32Array.of(0) };

function sourceOf(
  index: NodeIndex,
  assignment: GraphNode,
  onHost: ReadonlySet<string>,
): ValueSource | undefined {
  let node = nodeOf(index, assignment.inputs[1]!.node);
  while (node.op === "DeepCopy" || node.op === "Identity")
    node = nodeOf(index, node.inputs[0]!.node);
  if (node.op === "Placeholder") return { kind: "feed", name: node.name };
  if (node.op === "Fill") {
    const value = numberOf(nodeOf(index, node.inputs[1]!.node));
    const shape = node.outputs[0]!.shape;
    if (value === undefined || shape === undefined) return undefined;
    const data = new Float32Array(sizeOf(shape)).fill(value);
    return { kind: "constant", value: { type: "float32", shape, data } };
  }
  if (node.op === "Const") {
    const value = numberOf(node);
    return value === undefined ? undefined : { kind: "constant", value: scalar("float32", value) };
  }
  return onHost.has(node.name) ? { kind: "host", node: node.name } : undefined;
}

/** A constant's one float32 number. */
function numberOf(node: GraphNode): number | undefined {
  const content = node.attrs["value"]?.tensor?.tensorContent;
  if (node.outputs[0]?.type !== "float32" || content?.byteLength !== 4) return undefined;
  return new Float32Array(Uint8Array.from(content).buffer)[0];
}

function hostPart(index: NodeIndex, nodes: readonly GraphNode[]): HostPart {
  const seen = new Set<GraphNode>();
  const pending = [...nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const output of [...node.inputs, ...node.after]) pending.push(nodeOf(index, output.node));
  }
  const named = (op: string) => {
    return [...seen].filter((node) => node.op === op).map(({ name }) => name);
  };
  return {
    nodes: nodes.map(({ name }) => name),
    feeds: named("Placeholder"),
    iterators: named("IteratorV2"),
  };
}
