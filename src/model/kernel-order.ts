/** The two orders of a kernel's axes: `[H, W, I, O]` in which it is used here, and PyTorch's. */

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
  for (let output = 0, to = 0; output < outputs; output++)
    for (let input = 0; input < inputs; input++)
      for (let side = 0; side < sides; side++)
        result[to++] = data[(side * inputs + input) * outputs + output]!;
  return result;
}
