/**
 * What the engine does to one image: decode (decoders.ts has the functions for each format), turn
 * upright, crop, flip, normalize; the resize is in resize-functions.ts. Written as functions of a graph's library; no pixel passes through JavaScript.
 */

import { DECODERS, type Decoder } from "../data/dataset.js";
import { attribute } from "../graph/attributes.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { NodeList, Output } from "../graph/node-list.js";
import type { FileInputs } from "./file-table.js";
import { readRange } from "./native-images.js";

const uint8 = attribute.type("uint8");
const float32 = attribute.type("float32");
const int32 = attribute.type("int32");

/**
 * For each EXIF orientation 1 to 8 (row 0 is unused): whether rows and columns are swapped first,
 * then whether rows, then columns are reversed. Source: EXIF 2.3, tag 0x0112.
 */
const orientations: readonly (readonly [swap: boolean, rows: boolean, columns: boolean])[] = [
  [false, false, false],
  [false, false, false],
  [false, false, true],
  [false, true, true],
  [false, true, false],
  [true, false, false],
  [true, false, true],
  [true, true, true],
  [true, true, false],
];

/** `table[index]`, a row of `table`, where `index` is an int32 scalar. */
export function row(nodes: NodeList, table: Output, index: Output): Output {
  const attrs = {
    Tparams: attribute.type(table.type),
    Tindices: int32,
    Taxis: int32,
    batch_dims: attribute.int(0),
  };
  const shape = table.shape?.slice(1);
  return nodes.one("GatherV2", [table, index, nodes.ints(0)], attrs, { type: table.type, shape });
}

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

/** As `decodeFile`, of an image file's bytes. */
export function decodeBytes(
  nodes: NodeList,
  { bytes, decoder, orientation }: ByteInputs,
  turn = "turn_upright",
): Output {
  const shape = [-1, -1, 3];
  const attrs = {
    Tin: attribute.types(["string"]),
    Tout: attribute.types(["uint8"]),
    branches: attribute.functions(DECODERS.map(decoderName)),
    output_shapes: attribute.shapes([shape]),
  };
  const decoded = nodes.one("StatelessCase", [decoder, bytes], attrs, { type: "uint8", shape });
  // Most images lie upright, and would be copied by a turn that changes nothing.
  const turned = nodes.one(
    "Less",
    [nodes.ints(1), orientation],
    { T: int32 },
    { type: "bool", shape: [] },
  );
  const args = [decoded, orientation];
  return branch(nodes, turned, args, turn, "leave_upright", { type: "uint8", shape });
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
  const nodes = new FunctionBuilder("turn_upright", turnArgs);
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
  const attrs = { T: uint8, Tperm: int32 };
  const swapped = nodes.one("Transpose", [image!, row(nodes, perms, orientation!)], attrs, {
    type: "uint8",
    shape: [-1, -1, 3],
  });
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
  const attrs = { T: float32, Index: int32 };
  const shape = [crop, crop, 3];
  const cropped = nodes.one("Slice", [image, begin, size], attrs, { type: "float32", shape });
  const flags = pack(nodes, [nodes.ints(0), at(2), nodes.ints(0)]);
  return reverse(nodes, cropped, cast(nodes, flags, "bool"));
}

/** Grey levels 0 to 255 as values in [-1, 1]: (x - 127.5) / 127.5. */
export function normalize(nodes: NodeList, image: Output): Output {
  const half = nodes.constant("float32", [], [127.5]);
  const centered = nodes.one("Sub", [image, half], { T: float32 }, image);
  return nodes.one("RealDiv", [centered, half], { T: float32 }, image);
}

/** Scalars, int32, as a vector. */
export function pack(nodes: NodeList, scalars: readonly Output[]): Output {
  const attrs = { N: attribute.int(scalars.length), T: int32, axis: attribute.int(0) };
  return nodes.one("Pack", scalars, attrs, ofInts([scalars.length]));
}

/** The same values as `type`. */
export function cast(
  nodes: NodeList,
  value: Output,
  type: "float32" | "int32" | "uint8" | "bool",
): Output {
  const attrs = {
    SrcT: attribute.type(value.type),
    DstT: attribute.type(type),
    Truncate: attribute.bool(false),
  };
  return nodes.one("Cast", [value], attrs, { type, shape: value.shape });
}

/** The same values in another shape. */
export function reshaped(nodes: NodeList, value: Output, shape: readonly number[]): Output {
  return value.shape?.join() === shape.join()
    ? value
    : reshape(nodes, value, nodes.ints(shape), shape);
}

/** As `reshaped`, to dimensions that the run tells: int32 `[rank]`. */
export function reshape(
  nodes: NodeList,
  value: Output,
  dims: Output,
  shape: readonly number[],
): Output {
  const attrs = { T: attribute.type(value.type), Tshape: int32 };
  return nodes.one("Reshape", [value, dims], attrs, { type: value.type, shape });
}

/** An int32 result of a shape. */
export function ofInts(shape: readonly number[]) {
  return { type: "int32", shape } as const;
}
