/** The two orders of a kernel's axes: `[H, W, I, O]` in which it is used here, and PyTorch's. */

// A square of so many values is turned within the processor's nearest cache.
const TILE = 32;

/**
 * A kernel `[O, I, H, W]` as `[H, W, I, O]`, row-major both.
 * @param shape `[H, W, I, O]`
 */
export function outputsLast(data: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  return reversed(data, [outputs, inputs, height * width]);
}

/**
 * A kernel `[H, W, I, O]` as `[O, I, H, W]`, row-major both.
 * @param shape `[H, W, I, O]`
 */
export function outputsFirst(data: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  return reversed(data, [height * width, inputs, outputs]);
}

/** `[A, B, C]` as `[C, B, A]`: of a kernel, whose sides stay together, each order is the other's reverse. */
function reversed(data: Float32Array, [a, b, c]: readonly [number, number, number]): Float32Array {
  const result = new Float32Array(data.length);
  for (let k0 = 0; k0 < c; k0 += TILE) {
    const kEnd = Math.min(c, k0 + TILE);
    for (let j0 = 0; j0 < b; j0 += TILE) {
      const jEnd = Math.min(b, j0 + TILE);
      for (let i = 0; i < a; i++)
        for (let j = j0; j < jEnd; j++) {
          const from = (i * b + j) * c;
          for (let k = k0; k < kEnd; k++) result[(k * b + j) * a + i] = data[from + k]!;
        }
    }
  }
  return result;
}
