/**
 * Additions to what one of our own operations makes become part of it: a sum costs a pass over the
 * images less, and is rounded once. They are a unit's shortcut on the way forward, and gradients that
 * meet on the way back.
 */
import { attribute } from "./attributes.js";
import type { NodeDef } from "./proto.js";

/** Marks an addition that does not broadcast. TensorFlow heeds no attribute with a leading line. */
export const equalShapesMark = { _equal_shapes: attribute.bool(true) };

/** Operations that add up to one more input, attribute `N` of them, to their first output. */
const adders = new Set(["BitConv", "BitGroupNormReluGrad"]);

/** The nodes of a graph without the additions that others can do. Their order is no longer of use. */
export function fuseAdditions(nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const uses = new Map<string, number>();
  for (const reference of nodes.flatMap(({ input }) => input)) {
    // A control input is one that stands for all outputs.
    const key = reference.replace(/^\^/, "");
    uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  /** What each fused addition's users are given instead. */
  const replaced = new Map<string, string>();
  const changed = new Map<string, NodeDef>();
  for (const addition of nodes) {
    const [a, b, ...others] = addition.input;
    const plain = addition.op === "AddV2" && "_equal_shapes" in addition.attr;
    if (!plain || a === undefined || b === undefined || others.length > 0) continue;
    const isAdder = (name: string) => {
      const node = byName.get(name);
      if (node === undefined || !adders.has(node.op) || changed.has(name)) return false;
      // What is added would stand behind control inputs, where no value may.
      return uses.get(name) === 1 && !node.input.some((reference) => reference.startsWith("^"));
    };
    const adder = [a, b].find(isAdder);
    if (adder === undefined) continue;
    const node = byName.get(adder)!;
    const input = [...node.input, adder === a ? b : a];
    changed.set(adder, { ...node, input, attr: { ...node.attr, N: attribute.int(1) } });
    replaced.set(addition.name, adder);
  }
  const followed = (reference: string): string => {
    const control = reference.startsWith("^") ? "^" : "";
    const target = replaced.get(reference.slice(control.length));
    return target === undefined ? reference : followed(control + target);
  };
  return nodes.flatMap((node) => {
    if (replaced.has(node.name)) return [];
    const now = changed.get(node.name) ?? node;
    return [{ ...now, input: now.input.map(followed) }];
  });
}
