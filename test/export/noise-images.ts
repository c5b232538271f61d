/** Images for networks, where their content is of no account. */
import type { ImageShape } from "../../src/export/format.js";

/** Values in [-1, 1] without a pattern, so that every part of a window may be its largest. */
export function noiseImages(shape: ImageShape): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, (_, i) => (Math.sin(i * 12.9898) * 43758.5453) % 1);
}

/** Sizes that halve unevenly, one as small as can be; some batches of several. */
export const oddShapes: readonly ImageShape[] = [
  [1, 48, 48, 3],
  [3, 61, 45, 3],
  [1, 33, 90, 3],
  [2, 7, 9, 3],
  [1, 1, 1, 3],
];
