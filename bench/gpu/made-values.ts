/** Values for weights and images that depend on their names alone, the same in every process. */

export type FloatArray = Float32Array | Float64Array;

const learningRate = Math.fround(0.003);

/**
 * Uniform numbers for kernels and images; ones, zeros and the learning rate where these belong.
 * @returns numbers that float32 holds exactly
 */
export function madeValues(
  name: string,
  shape: readonly number[],
  type: "float32" | "float64" = "float32",
): FloatArray {
  const count = shape.reduce((a, b) => a * b, 1);
  const made = type === "float64" ? new Float64Array(count) : new Float32Array(count);
  if (name === "train/learning_rate") return made.fill(learningRate);
  if (/^momentum\/|beta$|bias$/.test(name)) return made;
  if (/gamma$/.test(name)) return made.fill(1);
  // Filters are standardized, whatever their scale; the head's are not, and logits shall not be far apart.
  const values = name === "resnet/head/conv2d/kernel" ? uniform().map((x) => x / 16) : uniform();
  let from = hash(name) % values.length;
  for (let i = 0; i < count; ) {
    const length = Math.min(count - i, values.length - from);
    made.set(values.subarray(from, from + length), i);
    i += length;
    from = 0;
  }
  return made;
}

let block: Float32Array | undefined;

/** Some numbers in [-1, 1), of a linear congruential generator. */
function uniform(): Float32Array {
  if (block !== undefined) return block;
  let state = 1;
  // A prime number of them, so that filters do not repeat.
  block = new Float32Array(1_048_573).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
  return block;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 2166136261;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 16777619) >>> 0;
  return value;
}
