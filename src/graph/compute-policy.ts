/** How a network is computed: types of numbers, and operations of our own. */

/**
 * The type of convolutions, of their gradients and of the element-wise work between them.
 * Statistics, sums, losses, parameters and their updates are float32 whatever this says.
 */
export type ComputeType = "float32" | "bfloat16" | "float16";

/** How what is traced shall be computed. */
export interface ComputePolicy {
  readonly computeType: ComputeType;
  /** Whether the engine has the fused operations of native/kernels/. Default: it has not. */
  readonly fused?: boolean | undefined;
  /** Whether convolutions of bfloat16 are to be our own, where the rest is. Default: TensorFlow's. */
  readonly ownConvolutions?: boolean | undefined;
}
