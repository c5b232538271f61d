/**
 * BMP in the engine: TensorFlow takes the numbers of a palette for grey levels, knows no fewer than 8
 * bits a pixel, and refuses a file that goes on behind its pixels.
 *
 * Source: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER and BITMAPINFOHEADER); the header's other kinds
 * begin with the same fields.
 */
import { attribute } from "../graph/attributes.js";
import type { NodeList, Output, OutputSpec } from "../graph/node-list.js";
import { cast, gather, pack, range, reshape, row, slice } from "../graph/ops.js";
import { reverse } from "./image-functions.js";

const FILE_HEADER_BYTES = 14;
const MOST_COLOURS = 256;

/** The fields that tell where the pixels are, int32 scalars. */
interface BmpFields {
  readonly pixelsAt: Output;
  readonly headerBytes: Output;
  readonly width: Output;
  /** Negative where the first row is the upper one. */
  readonly height: Output;
  readonly rows: Output;
  readonly bits: Output;
  /** 0 where there are as many as `bits` can tell. */
  readonly colours: Output;
  /** Of a row, filled up to whole words of 4. */
  readonly rowBytes: Output;
}

/** A BMP without what follows its pixels. */
export function wholeBmp(nodes: NodeList, bytes: Output): Output {
  const { pixelsAt, rowBytes, rows } = fieldsOf(nodes, bytes);
  const end = integer(nodes, "AddV2", pixelsAt, integer(nodes, "Mul", rowBytes, rows));
  return substring(nodes, bytes, nodes.ints(0), end);
}

/** The image, uint8 `[H,W,3]`, of a BMP with a palette. A number that has no colour is black. */
export function paletteBmp(nodes: NodeList, bytes: Output): Output {
  const fields = fieldsOf(nodes, bytes);
  const numbers = reversedWhere(
    nodes,
    paletteNumbers(nodes, bytes, fields),
    integer(nodes, "Greater", fields.height, nodes.ints(0), "bool"),
  );
  const table = palette(nodes, bytes, fields);
  return gather(nodes, { table, indices: numbers }, [-1, -1, 3]);
}

function fieldsOf(nodes: NodeList, bytes: Output): BmpFields {
  // From the place of the pixels on, which is no multiple of 4.
  const start = 10;
  const words = raw(nodes, substring(nodes, bytes, nodes.ints(start), nodes.ints(40)), {
    type: "int32",
    shape: [10],
  });
  const field = (at: number) => row(nodes, words, nodes.ints((at - start) / 4));
  const [width, height] = [field(18), field(22)];
  // The number of planes is in the lower half.
  const bits = integer(nodes, "RightShift", field(26), nodes.ints(16));
  const rowBits = integer(nodes, "AddV2", integer(nodes, "Mul", width, bits), nodes.ints(31));
  const rowWords = integer(nodes, "FloorDiv", rowBits, nodes.ints(32));
  return {
    pixelsAt: field(10),
    headerBytes: field(14),
    width,
    height,
    rows: nodes.one("Abs", [height], { T: attribute.type("int32") }, { type: "int32", shape: [] }),
    bits,
    colours: field(46),
    rowBytes: integer(nodes, "Mul", rowWords, nodes.ints(4)),
  };
}

/** Colours, uint8 `[256,3]`, of which the last ones are black. */
function palette(nodes: NodeList, bytes: Output, { headerBytes, colours }: BmpFields): Output {
  const at = integer(nodes, "AddV2", headerBytes, nodes.ints(FILE_HEADER_BYTES));
  // As many as are told, or all that may be: what no number stands for does no harm.
  const told = integer(nodes, "Minimum", colours, nodes.ints(MOST_COLOURS));
  const isTold = cast(nodes, integer(nodes, "Greater", told, nodes.ints(0), "bool"), "int32");
  const untold = integer(nodes, "Sub", nodes.ints(1), isTold);
  const all = integer(nodes, "Mul", untold, nodes.ints(MOST_COLOURS));
  const length = integer(nodes, "Mul", integer(nodes, "AddV2", told, all), nodes.ints(4));
  const black = nodes.constant("string", [], ["\0".repeat(4 * MOST_COLOURS)]);
  const parts = [substring(nodes, bytes, at, length), black];
  const join = { N: attribute.int(parts.length), separator: attribute.string("") };
  const filled = nodes.one("StringJoin", parts, join, { type: "string", shape: [] });
  const table = nodes.ints(4 * MOST_COLOURS);
  const values = raw(nodes, substring(nodes, filled, nodes.ints(0), table), {
    type: "uint8",
    shape: [4 * MOST_COLOURS],
  });
  const entries = reshape(nodes, values, [MOST_COLOURS, 4]);
  // Blue, green, red, nothing.
  const indices = nodes.ints([2, 1, 0]);
  return gather(nodes, { table: entries, indices, axis: 1 }, [MOST_COLOURS, 3]);
}

/** The palette's numbers, int32 `[rows,width]`, in the file's order of rows. */
function paletteNumbers(
  nodes: NodeList,
  bytes: Output,
  { pixelsAt, rowBytes, rows, width, bits }: BmpFields,
): Output {
  const size = integer(nodes, "Mul", rowBytes, rows);
  const flat = raw(nodes, substring(nodes, bytes, pixelsAt, size), { type: "uint8", shape: [-1] });
  const dims = pack(nodes, [rows, rowBytes, nodes.ints(1)]);
  const packed = reshape(nodes, flat, [-1, -1, 1], dims);
  // The first pixel of a byte is in its highest bits: of 8 bits, shifts by 8 - bits down to 0.
  const step = integer(nodes, "Sub", nodes.ints(0), bits);
  const first = integer(nodes, "AddV2", nodes.ints(8), step);
  const shifts = range(nodes, [first, nodes.ints(-1), step], -1);
  const mask = integer(nodes, "RightShift", nodes.ints(255), first);
  const bytewise = (op: string, a: Output, b: Output) =>
    nodes.one(op, [a, cast(nodes, b, "uint8")], { T: attribute.type("uint8") }, packed);
  const numbers = bytewise("BitwiseAnd", bytewise("RightShift", packed, shifts), mask);
  const wide = reshape(nodes, numbers, [-1, -1], pack(nodes, [rows, nodes.ints(-1)]));
  const bounds = { begin: nodes.ints([0, 0]), size: pack(nodes, [rows, width]) };
  const ofImage = slice(nodes, wide, bounds, [-1, -1]);
  return cast(nodes, ofImage, "int32");
}

/** `rows`, `[n,m]`, in the other order where a bool scalar says so. */
function reversedWhere(nodes: NodeList, rows: Output, condition: Output): Output {
  const flags = pack(nodes, [cast(nodes, condition, "int32"), nodes.ints(0)]);
  return reverse(nodes, rows, cast(nodes, flags, "bool"));
}

/** Part of a string scalar; where that is shorter, as much as there is. */
export function substring(nodes: NodeList, text: Output, at: Output, length: Output): Output {
  const attrs = { T: attribute.type("int32"), unit: attribute.string("BYTE") };
  return nodes.one("Substr", [text, at, length], attrs, { type: "string", shape: [] });
}

/** A string's bytes as little-endian numbers, `[n]`. */
function raw(nodes: NodeList, text: Output, output: OutputSpec & { type: "uint8" | "int32" }) {
  const attrs = { out_type: attribute.type(output.type), little_endian: attribute.bool(true) };
  return nodes.one("DecodeRaw", [text], attrs, output);
}

/** An operation on two int32 scalars. */
function integer(
  nodes: NodeList,
  op: string,
  a: Output,
  b: Output,
  type: "int32" | "bool" = "int32",
): Output {
  return nodes.one(op, [a, b], { T: attribute.type("int32") }, { type, shape: [] });
}
