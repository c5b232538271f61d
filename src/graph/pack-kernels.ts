/**
 * Standardized kernels that only convolutions on tiles read are packed for them as they are made: a kernel costs a
 * pass less, and is packed once, not by each task of its convolution. The gradient by the images turns it as it lies.
 */
import { attribute } from "./attributes.js";
import { isOnTiles, nodeReaders } from "./node-readers.js";
import type { NodeDef } from "./proto.js";

/** The nodes of a graph, in their order, of which standardizations pack what they make. */
export function packKernels(nodes: readonly NodeDef[]): NodeDef[] {
  const readers = nodeReaders(nodes);
  const packing = new Set<string>();
  const reading = new Set<string>();
  for (const { name, op } of nodes) {
    const all = op === "BitStandardize" ? (readers.get(name) ?? []) : [];
    if (all.length === 0 || !all.every((reader) => takesPacked(reader, name))) continue;
    packing.add(name);
    for (const reader of all) reading.add(reader.name);
  }
  const packed = { packed: attribute.int(1) };
  return nodes.map((node) => {
    const changes = packing.has(node.name) || reading.has(node.name);
    return changes ? { ...node, attr: { ...node.attr, ...packed } } : node;
  });
}

/** Whether a node reads an output as the kernel of a convolution on tiles, and as nothing else. */
function takesPacked(node: NodeDef, kernel: string): boolean {
  if (node.op !== "BitConv" || !isOnTiles(node) || node.attr["packed"]?.i !== 0) return false;
  return node.input.every((reference, i) => (reference === kernel) === (i === 1));
}
