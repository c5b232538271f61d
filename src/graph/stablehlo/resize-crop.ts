/**
 * A batch of a table of images, resized as Pillow does, cropped and mirrored: BitGatherResizeCrop, of
 * which native/kernels/ has the host's form. Whole numbers throughout, so that the bytes are the same.
 *
 * Only the window is made. Where its rows and columns lie in the image, and with which weights, is looked
 * up in small tables; along rows first, rounded to bytes, then along columns.
 */
import type { Emitter } from "./emitter.js";
import { gather } from "./gather.js";
import { attr, input, type Operator } from "./operator.js";
import { precisionBits, type ResizeAxis, resizeAxis } from "./resize-axis.js";
import type { Value } from "./values.js";

/** Images `[n,H,W,3]`, rows `[batch]`, windows `[batch,3]` of top, left and flip, to `[batch,crop,crop,3]`. */
export const gatherResizeCrop: Operator = ({ emitter, value }, node) => {
  const [images, rows, windows] = [0, 1, 2].map((i) => value(input(node, i))) as [
    Value,
    Value,
    Value,
  ];
  const side = attr(node, "side", "i");
  const crop = attr(node, "crop", "i");
  const [, height, width] = images.shape as [number, number, number, number];
  const [batch] = rows.shape as [number];
  const places = { shape: [batch, crop], type: "int32" } as const;
  const steps = emitter.iota(places, 1);
  const column = (i: number) => {
    const one = emitter.slice(windows, [0, i], [batch, i + 1]);
    return emitter.broadcastTo(one, places.shape);
  };
  const down = emitter.binary("add", column(0), steps);
  const back = emitter.binary("subtract", emitter.constant(crop - 1, "int32"), steps);
  const flipped = emitter.compare("NE", column(2), emitter.constant(0, "int32"));
  const across = emitter.binary("add", column(1), emitter.select(flipped, back, steps));
  const image = emitter.broadcast(rows, places.shape, [0]);

  const wide = resampled(emitter, resizeAxis(width, side), across, (at) => {
    const spot = emitter.concatenate(
      [image, at].map((one) => emitter.reshape(one, [batch, crop, 1])),
      2,
    );
    const taken = gather(emitter, { x: images, at: spot }, { along: [0, 2] }, [1, 3]);
    return { taken, axis: 2 };
  });
  return resampled(emitter, resizeAxis(height, side), down, (at) => {
    const spot = emitter.reshape(at, [batch, crop, 1]);
    const taken = gather(emitter, { x: wide, at: spot }, { along: [1], shared: 1 }, [2, 3]);
    return { taken, axis: 1 };
  });
};

/**
 * Places of a resized axis, as bytes.
 * @param places int32 `[batch,crop]` on the resized axis
 * @param take the image at places `[batch,crop]` of its own axis, which is then `axis` of four
 */
function resampled(
  emitter: Emitter,
  resize: ResizeAxis | undefined,
  places: Value,
  take: (at: Value) => { readonly taken: Value; readonly axis: number },
): Value {
  if (resize === undefined) return take(places).taken;
  const at = emitter.reshape(places, [...places.shape, 1]);
  const lookedUp = (numbers: Int32Array) => {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const table = emitter.dense(bytes, { shape: [numbers.length], type: "int32" });
    return gather(emitter, { x: table, at }, { along: [0] }, []);
  };
  const first = lookedUp(resize.first);
  let sum: Value | undefined;
  for (const [tap, weights] of resize.weights.entries()) {
    const { taken, axis } = take(emitter.binary("add", first, emitter.constant(tap, "int32")));
    const levels = emitter.convert(taken, "int32");
    const weight = emitter.broadcast(lookedUp(weights), levels.shape, [0, axis]);
    const product = emitter.binary("multiply", levels, weight);
    sum = sum === undefined ? product : emitter.binary("add", sum, product);
  }
  const half = emitter.constant(2 ** (precisionBits - 1), "int32");
  const rounded = emitter.binary("add", sum!, half);
  const shift = emitter.constant(precisionBits, "int32");
  const whole = emitter.binary("shift_right_logical", rounded, shift);
  // Weights' rounding may bring a level past the last one.
  const level = emitter.binary("minimum", whole, emitter.constant(255, "int32"));
  return emitter.convert(level, "uint8");
}
