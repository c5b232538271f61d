/** Words that settings choose among, where no room to the left of this one has them. */

/** Types of convolutions and what lies between them (`run/precision.ts`). */
export const precisions = ["fp32", "bf16", "fp16"] as const;
/**
 * Type of the convolutions and of the activations between them.
 * @useDeclaredType
 */
export type Precision = (typeof precisions)[number];

/** What several processes send each other gradients as. */
export const reduceTypes = ["fp32", "bf16"] as const;

/** What a model is shown of each image besides the image itself (`step/eval-step.ts`). */
export const testTimeAugmentations = ["flip"] as const;

/** What becomes of images that cannot be decoded. */
export const badImagesChoices = ["refuse", "skip"] as const;

/** What a step of `bit-bench` does. */
export const benchModes = ["train", "eval"] as const;

/** What `bit-bench` measures. */
export const benchImplementations = ["graph", "eager-textbook"] as const;

/** What `bit-export` writes (`export/formats.ts`). */
export const exportFormats = ["npz", "savedmodel", "tfjs", "onnx", "hf", "timm", "page"] as const;
/**
 * A format of exports.
 * @useDeclaredType
 */
export type ExportFormatName = (typeof exportFormats)[number];
