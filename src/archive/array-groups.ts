/** Arrays that are handed over together, so that neither their number nor their sum grows too large. */
import { sizeOf } from "./shape.js";

/**
 * Float32 arrays in their order, in groups of at most `largestBytes`, where it is not a single array.
 * @param together whether an array may be in a group that begins with another; default any may
 */
export function inGroups<T>(
  arrays: readonly T[],
  shapeOf: (array: T) => readonly number[],
  largestBytes: number,
  together: (first: T, array: T) => boolean = () => true,
): T[][] {
  const groups: T[][] = [];
  let bytes = 0;
  for (const array of arrays) {
    const group = groups.at(-1);
    const own = 4 * sizeOf(shapeOf(array));
    bytes += own;
    if (group && bytes <= largestBytes && together(group[0]!, array)) {
      group.push(array);
    } else {
      groups.push([array]);
      bytes = own;
    }
  }
  return groups;
}
