/** Gathers: parts of a value that begin at places which another value tells. */
import type { Emitter } from "./emitter.js";
import { i64Array, list, tensorType, type Value } from "./values.js";

export interface GatherFrom {
  /** The dimensions of `x` that places are told of; parts have size 1 along them, and lose them. */
  readonly along: readonly number[];
  /** How many first dimensions `x` and the places have in common: of each, a place takes its own. */
  readonly shared?: number;
}

/**
 * Parts of `x`, whole along the dimensions that `from` does not tell of. A place beyond the end is the
 * last there is.
 * @param at int32 `[...places, k]`: where each begins along the k dimensions of `from.along`
 * @param offsets which dimensions of the result are the parts'; the others are the places'
 */
export function gather(
  emitter: Emitter,
  { x, at }: { readonly x: Value; readonly at: Value },
  { along, shared = 0 }: GatherFrom,
  offsets: readonly number[],
): Value {
  const common = Array.from({ length: shared }, (_, i) => i);
  const single = new Set([...along, ...common]);
  const sizes = x.shape.map((size, i) => (single.has(i) ? 1 : size));
  const places = at.shape.slice(0, -1);
  const inner = x.shape.filter((_, i) => !single.has(i));
  const shape = [...places];
  offsets.forEach((axis, i) => {
    shape.splice(axis, 0, inner[i]!);
  });
  const spec = { shape, type: x.type };
  const batching = [
    `operand_batching_dims = ${list(common)}`,
    `start_indices_batching_dims = ${list(common)}`,
  ];
  const numbers = [
    `offset_dims = ${list(offsets)}`,
    `collapsed_slice_dims = ${list(along)}`,
    ...(shared === 0 ? [] : batching),
    `start_index_map = ${list(along)}`,
    `index_vector_dim = ${places.length}`,
  ];
  return emitter.emit(
    `"stablehlo.gather"(${x.id}, ${at.id}) <{dimension_numbers = #stablehlo.gather<${numbers.join(", ")}>, indices_are_sorted = false, slice_sizes = ${i64Array(sizes)}}> : (${tensorType(x)}, ${tensorType(at)}) -> ${tensorType(spec)}`,
    spec,
  );
}
