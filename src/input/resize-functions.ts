/** Ways to resize an image with TensorFlow's own operations, as functions of a graph's library. */
import { attribute } from "../graph/attributes.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { NodeList, Output } from "../graph/node-list.js";
import { cast, reshape, row, shapeOf, slice } from "../graph/ops.js";
import { branch } from "./image-functions.js";

const uint8 = attribute.type("uint8");
const float32 = attribute.type("float32");
const int32 = attribute.type("int32");

/**
 * Defines the functions that `resize` calls under `name`, of uint8 `[H,W,3]` to float32
 * `[side,side,3]`.
 */
export function defineResize(builder: GraphBuilder, name: string, side: number): void {
  defineReduction(builder, name, side);
  const interpolation = new FunctionBuilder(`${name}_interpolate`, [
    { name: "image", type: "uint8", shape: [-1, -1, 3] },
  ]);
  const image = interpolation.args[0]!;
  builder.define(interpolation.return(interpolated(interpolation, image, side)));
}

/** Bilinear interpolation at half-pixel centers: uint8 `[H,W,3]` to float32 `[side,side,3]`. */
export function interpolated(nodes: NodeList, image: Output, side: number): Output {
  return resized(nodes, image, side, (images, size) => {
    const attrs = {
      T: uint8,
      align_corners: attribute.bool(false),
      half_pixel_centers: attribute.bool(true),
    };
    const shape = [1, side, side, 3];
    return nodes.one("ResizeBilinear", [images, size], attrs, { type: "float32", shape });
  });
}

function defineReduction(builder: GraphBuilder, name: string, side: number): void {
  const reduce = new FunctionBuilder(`${name}_reduce`, [
    { name: "image", type: "uint8", shape: [-1, -1, 3] },
  ]);
  builder.define(
    reduce.return(
      resized(reduce, reduce.args[0]!, side, (images, size) => {
        const from = cast(reduce, heightAndWidth(reduce, reduce.args[0]!), "float32");
        const to = reduce.constant("float32", [2], [side, side]);
        const scale = reduce.one(
          "RealDiv",
          [to, from],
          { T: float32 },
          {
            type: "float32",
            shape: [2],
          },
        );
        const shift = reduce.constant("float32", [2], [0, 0]);
        const attrs = {
          T: uint8,
          kernel_type: attribute.string("triangle"),
          antialias: attribute.bool(true),
        };
        const shape = [1, side, side, 3];
        const inputs = [images, size, scale, shift];
        return reduce.one("ScaleAndTranslate", inputs, attrs, { type: "float32", shape });
      }),
    ),
  );
}

function resized(
  nodes: NodeList,
  image: Output,
  side: number,
  resize: (images: Output, size: Output) => Output,
): Output {
  const dims = nodes.one(
    "ConcatV2",
    [nodes.ints([1]), shapeOf(nodes, image, 3), nodes.ints(0)],
    { N: attribute.int(2), T: int32, Tidx: int32 },
    { type: "int32", shape: [4] },
  );
  const images = reshape(nodes, image, [1, -1, -1, 3], dims);
  const made = resize(images, nodes.ints([side, side]));
  return reshape(nodes, made, [side, side, 3]);
}

/**
 * Resizes uint8 `[H,W,3]` to float32 `[side,side,3]` as Pillow's antialiased bilinear filter does
 * (before it rounds). Where neither side shrinks, interpolation is the same and several times as fast.
 * @param name as given to `defineResize`
 */
export function resize(nodes: NodeList, name: string, image: Output, side: number): Output {
  const shrinks = nodes.one(
    "Less",
    [nodes.ints([side, side]), heightAndWidth(nodes, image)],
    { T: int32 },
    { type: "bool", shape: [2] },
  );
  const either = (index: number) => row(nodes, shrinks, nodes.ints(index));
  const any = nodes.one("LogicalOr", [either(0), either(1)], {}, { type: "bool", shape: [] });
  const result = { type: "float32", shape: [side, side, 3] } as const;
  return branch(nodes, any, [image], `${name}_reduce`, `${name}_interpolate`, result);
}

function heightAndWidth(nodes: NodeList, image: Output): Output {
  const shape = shapeOf(nodes, image, 3);
  return slice(nodes, shape, { begin: nodes.ints([0]), size: nodes.ints([2]) }, [2]);
}
