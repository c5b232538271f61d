/**
 * Kernels that the layers run besides TF.js's own, by the names under which a backend registers them, and
 * how a layer finds out whether its backend has one.
 */
import * as tf from "@tensorflow/tfjs";

/** Passes `dy` where `y > 0`. */
export const reluGradKernel = "ReluGrad";
/**
 * Makes a backend's narrow values float32, before they are squared or multiplied and then summed: float16
 * ends at 65504. For backends that know narrow values.
 */
export const widenKernel = "Widen";
/** Passes `x` on once `after` is there. For backends that do not compute at once. */
export const afterKernel = "After";

/** Layers in one kernel each, in place of a chain; a backend has all of them or none. */
export const fusedKernels = {
  groupNormRelu: "GroupNormRelu",
  groupNormReluGrad: "GroupNormReluGrad",
  standardize: "Standardize",
  standardizeGrad: "StandardizeGrad",
} as const;

/** A backend that says what it runs; others run what is registered for them. */
export interface ChoosyBackend {
  /** Whether layers are to run a kernel. It must be there then. */
  runs(kernelName: string): boolean;
}

/** Whether the current backend runs a kernel. Where it says so and lacks it, running it throws. */
export function backendRuns(kernelName: string): boolean {
  const backend: tf.KernelBackend & Partial<ChoosyBackend> = tf.backend();
  return backend.runs?.(kernelName) ?? tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}
