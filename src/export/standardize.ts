/** Weight standardization done once, on the weights, for tools that compute plain convolutions. */
import { standardizationEpsilon } from "../model/architecture.js";

/**
 * A kernel's filters shifted and scaled to mean 0 and (biased) variance 1, in float64: the same as
 * `standardize` of `model/layers.ts` up to its rounding.
 * @param kernel `[H,W,I,O]`, row-major
 * @param filters O
 */
export function standardized(kernel: Float32Array, filters: number): Float32Array {
  const count = kernel.length / filters;
  const sums = new Float64Array(filters);
  for (let i = 0, filter = 0; i < kernel.length; i++, filter = (filter + 1) % filters)
    sums[filter]! += kernel[i]!;
  const means = sums.map((sum) => sum / count);
  const squares = new Float64Array(filters);
  for (let i = 0, filter = 0; i < kernel.length; i++, filter = (filter + 1) % filters)
    squares[filter]! += (kernel[i]! - means[filter]!) ** 2;
  const scales = squares.map((sum) => 1 / Math.sqrt(sum / count + standardizationEpsilon));
  const result = new Float32Array(kernel.length);
  for (let i = 0, filter = 0; i < kernel.length; i++, filter = (filter + 1) % filters)
    result[i] = (kernel[i]! - means[filter]!) * scales[filter]!;
  return result;
}
