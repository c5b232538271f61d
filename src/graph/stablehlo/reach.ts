/** Which nodes a value needs, and which of them are left to the host. */
import type { GraphNode, Output } from "../node-list.js";
import { operators } from "./operators.js";

/** A graph's nodes by name. */
export type NodeIndex = ReadonlyMap<string, GraphNode>;

export function indexNodes(nodes: readonly GraphNode[]): NodeIndex {
  return new Map(nodes.map((node) => [node.name, node]));
}

export function nodeOf(index: NodeIndex, name: string): GraphNode {
  const node = index.get(name);
  if (node === undefined) throw new Error(`the graph has no node ${name}`);
  return node;
}

/** Operations that change variables. */
export const updates: ReadonlySet<string> = new Set([
  "AssignVariableOp",
  "AssignAddVariableOp",
  "ResourceApplyMomentum",
]);

/** Where values come from: the end of what a program computes. */
const sources: ReadonlySet<string> = new Set(["ReadVariableOp", "Placeholder", "VarHandleOp"]);

/** What a run of some fetches takes and does. */
export interface Reach {
  /** Computed on the device, inputs before users. */
  readonly computed: readonly GraphNode[];
  readonly reads: readonly GraphNode[];
  readonly updates: readonly GraphNode[];
  readonly placeholders: readonly GraphNode[];
  /** Values that the host computes, by operations that have no lowering. */
  readonly hosted: readonly Output[];
  /** What the host does besides. */
  readonly effects: readonly GraphNode[];
}

/**
 * Follows `fetches` back to what they come from.
 * @param fetches names of fetchable values
 */
export function reachOf(index: NodeIndex, fetches: readonly string[]): Reach {
  const computed = new Set<GraphNode>();
  const reads = new Set<GraphNode>();
  const placeholders = new Set<GraphNode>();
  const changes = new Set<GraphNode>();
  const effects = new Set<GraphNode>();
  const hosted = new Map<string, Output>();
  // A node is put behind its inputs by coming to it a second time: graphs are too deep for recursion.
  const pending: { readonly node: GraphNode; readonly done: boolean }[] = [];
  const visit = (output: Output) => {
    const node = nodeOf(index, output.node);
    if (node.op === "ReadVariableOp") reads.add(node);
    else if (node.op === "Placeholder") placeholders.add(node);
    else if (onHost(index, node)) hosted.set(`${output.node}:${output.index}`, output);
    else if (!computed.has(node) && !sources.has(node.op)) pending.push({ node, done: false });
  };
  const drain = () => {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { node, done } = next;
      if (computed.has(node)) continue;
      if (done) {
        computed.add(node);
        continue;
      }
      pending.push({ node, done: true });
      for (const output of node.inputs) visit(output);
      // Of what only comes first, the value matters to nodes that are kept back for it.
      if (node.op === "Identity")
        for (const output of node.after) if (!isEffect(index, output)) visit(output);
    }
  };
  /** What is done before a node counts as done; a variable is read before it changes anyway. */
  const follow = (user: GraphNode) => {
    for (const output of user.after) {
      const node = nodeOf(index, output.node);
      if (node.op === "ReadVariableOp" || changes.has(node)) continue;
      if (!updates.has(node.op)) effects.add(node);
      else {
        changes.add(node);
        follow(node);
      }
    }
  };
  for (const name of fetches) {
    const fetched = nodeOf(index, name);
    for (const output of fetched.inputs) visit(output);
    follow(fetched);
  }
  for (const node of changes) for (const output of node.inputs) visit(output);
  drain();
  return {
    computed: [...computed],
    reads: [...reads],
    updates: [...changes],
    placeholders: [...placeholders],
    hosted: [...hosted.values()],
    effects: [...effects],
  };
}

function isEffect(index: NodeIndex, { node }: Output): boolean {
  const { op } = nodeOf(index, node);
  return updates.has(op) || operators[op] === undefined;
}

/** Whether the host computes a node: it has no lowering, or it only gives other form to what the host has. */
function onHost(index: NodeIndex, node: GraphNode): boolean {
  if (sources.has(node.op)) return false;
  if (operators[node.op] === undefined) return true;
  const [first] = node.inputs;
  if ((node.op !== "Reshape" && node.op !== "Identity") || first === undefined) return false;
  return onHost(index, nodeOf(index, first.node));
}
