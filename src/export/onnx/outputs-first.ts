/** Kernels in the order of axes of other tools. */

// A square of so many values is turned within the processor's nearest cache.
const TILE = 32;

/**
 * A kernel `[H,W,I,O]` as `[O,I,H,W]`, row-major both.
 * @param shape `[H,W,I,O]`
 */
export function outputsFirst(values: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const sides = height * width;
  const result = new Float32Array(values.length);
  for (let output0 = 0; output0 < outputs; output0 += TILE) {
    const outputEnd = Math.min(outputs, output0 + TILE);
    for (let input0 = 0; input0 < inputs; input0 += TILE) {
      const inputEnd = Math.min(inputs, input0 + TILE);
      for (let side = 0; side < sides; side++)
        for (let input = input0; input < inputEnd; input++) {
          const from = (side * inputs + input) * outputs;
          for (let output = output0; output < outputEnd; output++)
            result[(output * inputs + input) * sides + side] = values[from + output]!;
        }
    }
  }
  return result;
}
