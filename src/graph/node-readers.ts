/** What rewriting a graph asks of its nodes. */
import type { NodeDef } from "./proto.js";

/** The nodes that read each output, as inputs spell it: the first output of `x` is `x`, the second `x:1`. */
export function nodeReaders(nodes: readonly NodeDef[]): ReadonlyMap<string, readonly NodeDef[]> {
  const readers = new Map<string, NodeDef[]>();
  for (const node of nodes)
    for (const reference of new Set(node.input)) {
      const known = readers.get(reference);
      if (known === undefined) readers.set(reference, [node]);
      else known.push(node);
    }
  return readers;
}

/** Whether one of our convolutions or gradients is computed on matrix tiles. */
export function isOnTiles({ attr }: NodeDef): boolean {
  return (attr["tiles"]?.i ?? 0) !== 0;
}
