/** Files' bytes as the network's input, in plain operations of TensorFlow: what a server's callers send. */
import { attribute } from "../../graph/attributes.js";
import { FunctionBuilder } from "../../graph/function-builder.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Output, OutputSpec } from "../../graph/node-list.js";
import { row, shapeOf } from "../../graph/ops.js";
import { decodeJpegOrPng } from "../../input/decoders.js";
import { defineTurns, normalize, turnUpright, uprightBy } from "../../input/image-functions.js";
import { interpolated } from "../../input/resize-functions.js";
import type { ImagePreparation } from "../export-model.js";
import { defineOrientation, orientationOf } from "./jpeg-orientation.js";
import { pillowResized } from "./pillow-resize.js";

const int32 = attribute.type("int32");
const float32 = attribute.type("float32");

// How many images are decoded at a time.
const parallel = 32;

/**
 * Images of the bytes of JPEG and PNG files, turned upright and resized as the model's are: float32
 * `[N,size,size,3]` in [-1, 1].
 * @param bytes string `[N]`
 */
export function imagesOfBytes(
  builder: GraphBuilder,
  bytes: Output,
  { size, resize }: ImagePreparation,
): Output {
  const shape = [size, size, 3];
  const loop = [
    { name: "index", type: "int32", shape: [] },
    { name: "count", type: "int32", shape: [] },
    { name: "bytes", type: "string", shape: [-1] },
    { name: "images", type: "variant", shape: [] },
  ] as const satisfies readonly (OutputSpec & { readonly name: string })[];

  defineTurns(builder);
  defineOrientation(builder);
  const more = new FunctionBuilder("more_images", loop);
  const less = { type: "bool", shape: [] } as const;
  builder.define(more.return(more.one("Less", more.args.slice(0, 2), { T: int32 }, less)));

  const next = new FunctionBuilder("next_image", loop);
  const [index, count, all, made] = next.args as [Output, Output, Output, Output];
  const file = row(next, all, index);
  const orientation = orientationOf(next, file);
  const pixels = uprightBy(next, turnUpright, decodeJpegOrPng(next, file), orientation);
  const resized =
    resize === "pillow" ? pillowResized(next, pixels, size) : interpolated(next, pixels, size);
  const item = normalize(next, resized);
  const setting = { element_dtype: float32, resize_if_index_out_of_bounds: attribute.bool(false) };
  const list = { type: "variant", shape: [] } as const;
  const kept = next.one("TensorListSetItem", [made, index, item], setting, list);
  const following = next.one("AddV2", [index, next.ints(1)], { T: int32 }, index);
  builder.define(next.return(following, count, all, kept));

  const total = row(builder, shapeOf(builder, bytes, 1), builder.ints(0));
  const reserving = { element_dtype: float32, shape_type: int32 };
  const empty = builder.one("TensorListReserve", [builder.ints(shape), total], reserving, list);
  const attrs = {
    T: attribute.types(loop.map(({ type }) => type)),
    cond: attribute.function("more_images"),
    body: attribute.function("next_image"),
    output_shapes: attribute.shapes(loop.map((one) => one.shape)),
    parallel_iterations: attribute.int(parallel),
  };
  const inputs = [builder.ints(0), total, bytes, empty];
  const [, , , images] = builder.add("StatelessWhile", inputs, attrs, loop);
  const stacking = { element_dtype: float32, num_elements: attribute.int(-1) };
  const result = { type: "float32", shape: [-1, ...shape] } as const;
  return builder.one("TensorListStack", [images!, builder.ints(shape)], stacking, result);
}
