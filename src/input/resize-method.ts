/** The ways to resize an image, by name: what settings choose among, without the code that does it. */

export const resizeMethods = ["pillow", "tf"] as const;

/**
 * How images are resized. `pillow`: an antialiased bilinear filter, as in the PyTorch and the Paddle
 * code. `tf`: bilinear interpolation at half-pixel centers whether or not the image shrinks, as
 * `tf.image.resize` does by default in the TF2 and the JAX code.
 * @useDeclaredType
 */
export type ResizeMethod = (typeof resizeMethods)[number];
