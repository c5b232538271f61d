/**
 * Trees of variables in an archive: beneath one prefix, and before one suffix, the names of one tool.
 */
import type { ArrayElementType } from "../archive/numeric-array.js";
import { sizeOf } from "../archive/shape.js";
import { type NameLayout, nameLayouts } from "./name-layouts.js";

/** An array of an archive, as far as fitting needs to know it. */
export interface ArchiveArray {
  readonly name: string;
  readonly shape: readonly number[];
  /** As in `<f4`, for messages. */
  readonly dtype: string;
  readonly elementType: ArrayElementType;
}

/** The official names' prefix, as those of variables here have it. */
export const officialPrefix = "resnet/";

/** What other tools' optimizers call theirs: a part of a name between slashes, dots or colons. */
const stateParts =
  /^(momentums?|momentum_buffer|velocity|mu|nu|trace|m|v|exp_avg|exp_avg_sq|param_states|opt_state|optimizer|optimizer_state|slots)$/i;
const counterParts = /^(step|global_step|count|iterations?|epoch)$/i;

/** A tree of variables in an archive: what their names have in front and behind, and whose they are. */
export interface Tree {
  readonly layout: NameLayout;
  readonly prefix: string;
  readonly suffix: string;
}

export const officialTree: Tree = { layout: nameLayouts[0]!, prefix: officialPrefix, suffix: "" };

/** With one separator: some tools join the parts of a name by dots, or by backslashes. */
function slashed(name: string): string {
  return name.replace(/[.\\]/g, "/");
}

/** Whether an array is an optimizer's, or counts steps, by a part of its name. */
export function isState({ name, shape }: ArchiveArray): boolean {
  const parts = name.split(/[/.\\:]/);
  if (parts.some((part) => stateParts.test(part))) return true;
  return sizeOf(shape) === 1 && parts.some((part) => counterParts.test(part));
}

/** The trees of variables in an archive: one for each first convolution. */
function treesIn(arrays: readonly ArchiveArray[]): Tree[] {
  const trees = new Map<string, Tree>();
  for (const array of arrays) {
    if (isState(array)) continue;
    const { name } = array;
    for (const layout of nameLayouts) {
      const plain = nameLayouts[0]!.official(slashed(name));
      const start = plain.lastIndexOf(layout.root);
      if (start < 0 || !/(^|[/:])$/.test(plain.slice(0, start))) continue;
      const rest = plain.slice(start + layout.root.length);
      if (!/^($|[/:])/.test(rest)) continue;
      const prefix = name.slice(0, start);
      const suffix = name.slice(name.length - rest.length);
      trees.set(JSON.stringify([layout.root, prefix, suffix]), { layout, prefix, suffix });
    }
  }
  return [...trees.values()];
}

/** The name that an array of a tree has here; undefined for an array outside the tree. */
export function canonicalName({ layout, prefix, suffix }: Tree, name: string): string | undefined {
  if (name.length < prefix.length + suffix.length) return undefined;
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return undefined;
  const inner = slashed(name.slice(prefix.length, name.length - suffix.length));
  return officialPrefix + layout.official(inner);
}

/** Where the official names are, they are meant: all else is one too many, as ever. */
export function treesToTry(arrays: readonly ArchiveArray[]): Tree[] {
  const trees = treesIn(arrays);
  const { layout, prefix, suffix } = officialTree;
  const isOfficial = (tree: Tree) =>
    tree.layout === layout && tree.prefix === prefix && tree.suffix === suffix;
  return trees.length === 0 || trees.some(isOfficial) ? [officialTree] : trees;
}
