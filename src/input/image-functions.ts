/**
 * What the engine does to one image: decode (decoders.ts has the functions for each format), turn
 * upright, crop, flip, normalize; the resize is in resize-functions.ts. Written as functions of a graph's library; no pixel passes through JavaScript.
 */

import { DECODERS, type Decoder } from "../data/dataset.js";
import { orientations } from "../data/image-formats/orientation.js";
import { attribute } from "../graph/attributes.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { NodeList, Output } from "../graph/node-list.js";
import { cast, pack, row, slice, transpose } from "../graph/ops.js";
import type { FileInputs } from "./file-table.js";
import { readRange } from "./native-images.js";

const float32 = attribute.type("float32");
const int32 = attribute.type("int32");

/** Reverses the axes for which `flags`, bool `[3]`, is true. */
export function reverse(nodes: NodeList, image: Output, flags: Output): Output {
  return nodes.one("Reverse", [image, flags], { T: attribute.type(image.type) }, image);
}

/** What one of two functions of the library makes of `args`. */
export function branch(
  nodes: NodeList,
  condition: Output,
  args: readonly Output[],
  thenName: string,
  elseName: string,
  result: Pick<Output, "type" | "shape">,
): Output {
  const attrs = {
    Tcond: attribute.type("bool"),
    Tin: attribute.types(args.map((arg) => arg.type)),
    Tout: attribute.types([result.type]),
    then_branch: attribute.function(thenName),
    else_branch: attribute.function(elseName),
    output_shapes: attribute.shapes([result.shape]),
  };
  return nodes.one("StatelessIf", [condition, ...args], attrs, result);
}

/**
 * Reads and decodes an image, upright: uint8 `[H,W,3]`.
 * @param turn the function that turns an image upright: (image, orientation) to image
 */
export function decodeFile(
  nodes: NodeList,
  { path, decoder, orientation, range }: FileInputs,
  turn?: string,
): Output {
  const bytes =
    range === undefined
      ? nodes.one("ReadFile", [path], {}, { type: "string", shape: [] })
      : readRange(nodes, path, range.offset, range.length);
  return decodeBytes(nodes, { bytes, decoder, orientation }, turn);
}

/** What tells an image whose file's bytes are there, as scalars. */
export interface ByteInputs extends Pick<FileInputs, "decoder" | "orientation"> {
  /** string */
  readonly bytes: Output;
}

/** The function of the library that `defineTurns` defines. */
export const turnUpright = "turn_upright";

/** As `decodeFile`, of an image file's bytes. */
export function decodeBytes(
  nodes: NodeList,
  { bytes, decoder, orientation }: ByteInputs,
  turn = turnUpright,
): Output {
  const shape = [-1, -1, 3];
  const attrs = {
    Tin: attribute.types(["string"]),
    Tout: attribute.types(["uint8"]),
    branches: attribute.functions(DECODERS.map(decoderName)),
    output_shapes: attribute.shapes([shape]),
  };
  const decoded = nodes.one("StatelessCase", [decoder, bytes], attrs, { type: "uint8", shape });
  return uprightBy(nodes, turn, decoded, orientation);
}

/**
 * An image turned upright by a function of the library, where it does not lie so: uint8 `[H,W,3]` both.
 * @param orientation EXIF's 1 to 8, an int32 scalar
 */
export function uprightBy(
  nodes: NodeList,
  turn: string,
  image: Output,
  orientation: Output,
): Output {
  // Most images lie upright, and would be copied by a turn that changes nothing.
  const less = { type: "bool", shape: [] } as const;
  const turned = nodes.one("Less", [nodes.ints(1), orientation], { T: int32 }, less);
  const result = { type: "uint8", shape: [-1, -1, 3] } as const;
  return branch(nodes, turned, [image, orientation], turn, "leave_upright", result);
}

/** The function of the library by which a decoder works: a file's bytes to uint8 `[H,W,3]`. */
export function decoderName(decoder: Decoder): string {
  return `decode_${decoder.replaceAll("-", "_")}`;
}

/** What a function that turns images upright is called with. */
const turnArgs = [
  { name: "image", type: "uint8", shape: [-1, -1, 3] },
  { name: "orientation", type: "int32", shape: [] },
] as const;

/** Defines a function that turns an image upright, by what `turn` makes of image and orientation. */
export function defineTurn(
  builder: GraphBuilder,
  name: string,
  turn: (nodes: NodeList, image: Output, orientation: Output) => Output,
): void {
  const nodes = new FunctionBuilder(name, turnArgs);
  builder.define(nodes.return(turn(nodes, nodes.args[0]!, nodes.args[1]!)));
}

/** Defines the functions that turn an image upright, once a graph. */
export function defineTurns(builder: GraphBuilder): void {
  const upright = new FunctionBuilder("leave_upright", turnArgs);
  builder.define(upright.return(upright.args[0]!));
  const nodes = new FunctionBuilder(turnUpright, turnArgs);
  const [image, orientation] = nodes.args;
  const perms = nodes.constant(
    "int32",
    [9, 3],
    orientations.flatMap(([swap]) => (swap ? [1, 0, 2] : [0, 1, 2])),
  );
  const flags = nodes.constant(
    "bool",
    [9, 3],
    orientations.flatMap(([, rows, columns]) => [rows, columns, false]),
  );
  const swapped = transpose(nodes, image!, row(nodes, perms, orientation!), [-1, -1, 3]);
  builder.define(nodes.return(reverse(nodes, swapped, row(nodes, flags, orientation!))));
}

/**
 * The crop of `image`, float32 `[precrop,precrop,3]`, that `augmentation`, int32 `[3]`, tells as
 * top, left and flip: float32 `[crop,crop,3]`.
 */
export function cropAndFlip(
  nodes: NodeList,
  image: Output,
  augmentation: Output,
  crop: number,
): Output {
  const at = (i: number) => row(nodes, augmentation, nodes.ints(i));
  const begin = pack(nodes, [at(0), at(1), nodes.ints(0)]);
  const size = nodes.ints([crop, crop, 3]);
  const cropped = slice(nodes, image, { begin, size }, [crop, crop, 3]);
  const flags = pack(nodes, [nodes.ints(0), at(2), nodes.ints(0)]);
  return reverse(nodes, cropped, cast(nodes, flags, "bool"));
}

/** Grey levels 0 to 255 as values in [-1, 1]: (x - 127.5) / 127.5. */
export function normalize(nodes: NodeList, image: Output): Output {
  const half = nodes.constant("float32", [], [127.5]);
  const centered = nodes.one("Sub", [image, half], { T: float32 }, image);
  return nodes.one("RealDiv", [centered, half], { T: float32 }, image);
}
