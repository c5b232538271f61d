/** The two orders of a kernel's axes: `[H, W, I, O]` in which it is used here, and PyTorch's. */

// A square of so many values is turned within the processor's nearest cache.
const tile = 32;

/**
 * A kernel `[O, I, H, W]` as `[H, W, I, O]`.
 * @param shape `[H, W, I, O]`
 */
export function outputsLast(data: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const sides = height * width;
  const result = new Float32Array(data.length);
  for (let output = 0, from = 0; output < outputs; output++)
    for (let input = 0; input < inputs; input++)
      for (let side = 0; side < sides; side++)
        result[(side * inputs + input) * outputs + output] = data[from++]!;
  return result;
}

/**
 * A kernel `[H, W, I, O]` as `[O, I, H, W]`.
 * @param shape `[H, W, I, O]`
 */
export function outputsFirst(data: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const sides = height * width;
  const result = new Float32Array(data.length);
  for (let output0 = 0; output0 < outputs; output0 += tile) {
    const outputEnd = Math.min(outputs, output0 + tile);
    for (let input0 = 0; input0 < inputs; input0 += tile) {
      const inputEnd = Math.min(inputs, input0 + tile);
      for (let side = 0; side < sides; side++)
        for (let input = input0; input < inputEnd; input++) {
          const from = (side * inputs + input) * outputs;
          for (let output = output0; output < outputEnd; output++)
            result[(output * inputs + input) * sides + side] = data[from + output]!;
        }
    }
  }
  return result;
}
