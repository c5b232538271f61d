/** Does an archive fit a model? Which of its arrays belongs to which variable? */
import { isFloatType } from "../archive/numeric-array.js";
import { UserError } from "../errors.js";
import { headBias, headKernel, type VariableSpec } from "./architecture.js";
import type { KernelOrder } from "./name-layouts.js";
import {
  type ArchiveArray,
  canonicalName,
  isState,
  officialPrefix,
  officialTree,
  type Tree,
  treesToTry,
} from "./variable-trees.js";

export type { ArchiveArray } from "./variable-trees.js";

/** Which arrays a model's variables are. */
export interface FittedArchive {
  /** Names in the archive by names of variables; where the head starts anew without the head's. */
  readonly names: ReadonlyMap<string, string>;
  /** How kernels are stored. */
  readonly kernels: KernelOrder;
  /** One line for people where the archive's names are not the official ones. */
  readonly note: string | undefined;
}

/** Where float16's loss scaling keeps its state, which a run of another precision does not have. */
export const lossScalePrefix = "loss_scale/";

/** What an archive of ours has beside a network's variables: the optimizer's state, a position. */
const statePrefixes = ["momentum/", lossScalePrefix, "training/"];

/** How far a tree is the model. */
interface Match {
  readonly tree: Tree;
  readonly found: ReadonlyMap<string, ArchiveArray>;
  readonly problems: readonly string[];
  /** How much is wrong: the tree where that is least is told of. */
  readonly faults: number;
  readonly passedOver: readonly ArchiveArray[];
}

/** A stored shape in the order of axes that variables have here. */
function inOrder(shape: readonly number[], name: string, kernels: KernelOrder): readonly number[] {
  if (kernels === "HWIO" || !name.endsWith("/kernel")) return shape;
  const [outputs, inputs, ...sides] = shape;
  return outputs === undefined || inputs === undefined ? shape : [...sides, inputs, outputs];
}

/** Whether values of `stored` shape are those of `wanted`, up to axes of length 1. */
function sameButForOnes(stored: readonly number[], wanted: readonly number[]): boolean {
  const trimmed = (shape: readonly number[]) => shape.filter((size) => size !== 1).join();
  return trimmed(stored) === trimmed(wanted);
}

function isHead(name: string): boolean {
  return name === headKernel || name === headBias;
}

/**
 * Finds the array of each variable, under the names of any tool in `name-layouts.ts`. What names
 * have in front or behind, as `params/` or `:0`, is passed over where every variable then has its
 * array.
 * @param options `where` and `model`: the archive and the model's name, for messages; `newHead`: the head
 *   starts with new values, and the archive's own, of whatever size, is skipped
 * @throws UserError that lists all that is missing, unexpected, there twice and of the wrong shape,
 *   or names arrays that hold something other than floats, or two trees of which each fits
 */
export function fitArchive(
  specs: readonly VariableSpec[],
  arrays: readonly ArchiveArray[],
  { where, model, newHead }: { where: string; model: string; newHead: boolean },
): FittedArchive {
  const wanted = newHead ? specs.filter(({ name }) => !isHead(name)) : specs;
  const others = arrays.filter(
    ({ name }) => !statePrefixes.some((prefix) => name.startsWith(prefix)),
  );
  const matches = treesToTry(others).map((tree) => match(tree, wanted, others, newHead));
  const [fitting, another] = matches.filter(({ problems }) => problems.length === 0);
  if (fitting === undefined) {
    const nearest = matches.reduce((a, b) => (b.faults < a.faults ? b : a));
    throw new UserError(
      where,
      `does not fit ${model}: ${nearest.problems.join("; ")}`,
      `the ${wanted.length} variables of ${model}`,
      "choose the model that the archive was made for with --model",
    );
  }
  if (another !== undefined) {
    const names = [fitting, another].map(({ tree }) => `"${tree.prefix}...${tree.suffix}"`);
    throw new UserError(
      where,
      `holds ${model} more than once: as ${names.join(" and as ")}`,
      "one set of variables",
      `keep one of them: python -c "import numpy as np; a = np.load('old.npz'); ` +
        `np.savez('new.npz', **{n: a[n] for n in a.files if n.startswith('${fitting.tree.prefix}')})"`,
    );
  }
  requireFloats(where, fitting.found);
  const names = new Map([...fitting.found].map(([variable, { name }]) => [variable, name]));
  return { names, kernels: fitting.tree.layout.kernels, note: noteOf(where, fitting) };
}

/** The number of classes of the head that an archive holds, or undefined where it holds none. */
export function headClasses(arrays: readonly ArchiveArray[]): number | undefined {
  for (const tree of treesToTry(arrays)) {
    const bias = arrays.find(
      (array) => canonicalName(tree, array.name) === headBias && !isState(array),
    );
    if (bias !== undefined) return bias.shape.at(-1);
  }
  return undefined;
}

function match(
  tree: Tree,
  wanted: readonly VariableSpec[],
  arrays: readonly ArchiveArray[],
  newHead: boolean,
): Match {
  const byName = new Map<string, ArchiveArray>();
  const unexpected: string[] = [];
  const doubles: string[] = [];
  const passedOver: ArchiveArray[] = [];
  for (const array of arrays) {
    const name = canonicalName(tree, array.name);
    if (isState(array)) passedOver.push(array);
    else if (name === undefined) {
      // Beside `params/` other trees are usual; beside the official names nothing is.
      if (tree === officialTree) unexpected.push(array.name);
      else passedOver.push(array);
    } else if (newHead && isHead(name)) continue;
    else {
      const twin = byName.get(name);
      if (twin === undefined) byName.set(name, array);
      else doubles.push(`${twin.name} and ${array.name}`);
    }
  }
  const found = new Map<string, ArchiveArray>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const { name, shape } of wanted) {
    const array = byName.get(name);
    byName.delete(name);
    if (array === undefined) {
      missing.push(name);
      continue;
    }
    const stored = inOrder(array.shape, name, tree.layout.kernels);
    if (sameButForOnes(stored, shape)) found.set(name, array);
    else misshapen.push(`${array.name}: ${shown(stored)} instead of ${shown(shape)}`);
  }
  unexpected.push(...[...byName.values()].map(({ name }) => name));
  const lists = [missing, unexpected, doubles, misshapen];
  const problems = [
    ...listing("missing", missing),
    ...listing("unexpected", unexpected),
    ...listing("of one name up to a layer's number", doubles),
    ...listing("of another shape", misshapen),
  ];
  const faults = lists.reduce((sum, { length }) => sum + length, 0);
  return { tree, found, problems, faults, passedOver };
}

/** Integers would be taken for weights of their size: bfloat16's bits, say, for tens of thousands. */
function requireFloats(where: string, found: ReadonlyMap<string, ArchiveArray>): void {
  const others = [...found.values()].filter(({ elementType }) => !isFloatType(elementType));
  const [first] = others;
  if (first === undefined) return;
  const asBits = "if these are the bits of bfloat16, a.view(ml_dtypes.bfloat16).astype(np.float32)";
  throw new UserError(
    where,
    `${others.length} of its arrays are no weights: ${someOf(others.map(({ name, dtype }) => `${name} is ${dtype}`))}`,
    "float32, float16, bfloat16 or float64 (quantized weights are not read)",
    `save them as floats with np.savez${first.elementType === "u2" || first.elementType === "i2" ? `; ${asBits}` : ""}`,
  );
}

function noteOf(where: string, { tree, passedOver }: Match): string | undefined {
  const { layout, prefix, suffix } = tree;
  const parts: string[] = [];
  if (layout.tool !== undefined) parts.push(`its names are ${layout.tool}`);
  const isOfficial = layout.tool === undefined;
  const stripped = [
    ...(prefix !== "" && !(isOfficial && prefix === officialPrefix)
      ? [`"${prefix}" in front`]
      : []),
    ...(suffix === "" ? [] : [`"${suffix}" behind`]),
  ];
  if (isOfficial && prefix === "") parts.push(`its names lack "${officialPrefix}"`);
  if (stripped.length > 0) parts.push(`${stripped.join(" and ")} is left off its names`);
  if (passedOver.length > 0) {
    const some = someOf(passedOver.map(({ name }) => name));
    parts.push(`${passedOver.length} arrays beside the model are passed over (${some})`);
  }
  return parts.length === 0 ? undefined : `${where}: ${parts.join("; ")}`;
}

// A wrong model differs in hundreds of places: the first few tell which.
const longestList = 8;

function listing(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${names.length} ${what} (${someOf(names)})`];
}

function someOf(names: readonly string[]): string {
  const some = names.slice(0, longestList).join(", ");
  return names.length > longestList ? `${some}, and ${names.length - longestList} more` : some;
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
