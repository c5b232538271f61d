/**
 * The EXIF orientation of a JPEG's bytes in plain operations of TensorFlow, whose own decoders leave images as
 * they lie in the file. As `data/image-formats/` reads it, but for XMP, which a camera writes as EXIF as well.
 * Source: ITU T.81, B.1.1 (segments); EXIF 2.3, 4.5.2 and tag 0x0112; TIFF 6.0, section 2.
 */
import { attribute } from "../../graph/attributes.js";
import { FunctionBuilder } from "../../graph/function-builder.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { NodeList, Output, OutputSpec } from "../../graph/node-list.js";
import { cast, gather, range, row, shapeOf } from "../../graph/ops.js";

const int32 = attribute.type("int32");

/** Segments before the pixels, of which EXIF's is among the first, lie in so many bytes. */
const headBytes = 2 ** 18;
/** Segments and fill bytes, of which a crafted file could have as many as bytes. */
const mostSteps = 1024;
/** More than a camera writes into a directory. */
const mostEntries = 512;
const entryBytes = 12;
const exif = [0x45, 0x78, 0x69, 0x66, 0, 0];
const app1 = 0xe1;
const startOfScan = 0xda;
const orientationTag = 0x0112;
/** TIFF's numbers for whole numbers of 2 and 4 bytes, of which signed ones are read alike from 1 to 8. */
const shorts = [3, 8];
const longs = [4, 9];

/** The names of functions that `defineOrientation` puts into a graph's library. */
const [more, next] = ["before_exif", "next_segment"];

const loop = [
  { name: "at", type: "int32", shape: [] },
  { name: "head", type: "int32", shape: [-1] },
  { name: "steps", type: "int32", shape: [] },
] as const satisfies readonly (OutputSpec & { readonly name: string })[];

/** Defines the functions that `orientationOf` calls, once a graph. */
export function defineOrientation(builder: GraphBuilder): void {
  const condition = new FunctionBuilder(more, loop);
  const [place, all, steps] = condition.args as [Output, Output, Output];
  const bounded = new Head(condition, all);
  const few = bounded.less(steps, condition.ints(mostSteps));
  builder.define(condition.return(bounded.both(few, isBeforeExif(bounded, place))));
  const body = new FunctionBuilder(next, loop);
  const [at, bytes, taken] = body.args as [Output, Output, Output];
  const head = new Head(body, bytes);
  const length = head.plus(head.number(head.plus(at, 2), 2, undefined), 2);
  const step = head.either(isFill(head, at), body.ints(1), length);
  builder.define(body.return(head.sum(at, step), bytes, head.plus(taken, 1)));
}

/** EXIF's number of how an image is to be turned, an int32 scalar: 1 to 8, or 1 where there is none. */
export function orientationOf(nodes: NodeList, bytes: Output): Output {
  const head = new Head(nodes, headOf(nodes, bytes));
  const attrs = {
    T: attribute.types(loop.map(({ type }) => type)),
    cond: attribute.function(more),
    body: attribute.function(next),
    output_shapes: attribute.shapes(loop.map((one) => one.shape)),
    parallel_iterations: attribute.int(1),
  };
  const [at] = nodes.add("StatelessWhile", [nodes.ints(2), head.bytes, nodes.ints(0)], attrs, loop);
  const tiff = head.plus(at, 4 + exif.length);
  const little = head.equal(head.at(tiff), 0x49);
  const table = head.sum(tiff, head.number(head.plus(tiff, 4), 4, little));
  const numbers = range(
    nodes,
    [nodes.ints(0), nodes.ints(mostEntries), nodes.ints(1)],
    mostEntries,
  );
  const entries = head.plus(head.sum(table, head.times(numbers, entryBytes)), 2);
  const field = (offset: number, size: 2 | 4) =>
    head.number(head.plus(entries, offset), size, little);
  const isOf = (types: readonly number[]) =>
    types.map((type) => head.equal(field(2, 2), type)).reduce((a, b) => head.any(a, b));
  const isLong = isOf(longs);
  const isOrientation = [
    head.less(numbers, head.number(table, 2, little)),
    head.equal(field(0, 2), orientationTag),
    head.any(isLong, isOf(shorts)),
    head.equal(field(4, 4), 1),
    head.isExif(at),
  ].reduce((a, b) => head.both(a, b));
  const told = head.either(isLong, field(8, 4), field(8, 2));
  const values = head.product(told, cast(nodes, isOrientation, "int32"));
  const maxAttrs = { T: int32, Tidx: int32, keep_dims: attribute.bool(false) };
  const scalar = { type: "int32", shape: [] } as const;
  const found = nodes.one("Max", [values, nodes.ints([0])], maxAttrs, scalar);
  const known = head.both(head.less(nodes.ints(0), found), head.less(found, nodes.ints(9)));
  return head.either(known, found, nodes.ints(1));
}

/** The first bytes of a file as int32 `[n]`, and a zero after them. */
function headOf(nodes: NodeList, bytes: Output): Output {
  const T = attribute.type("int32");
  const part = nodes.one(
    "Substr",
    [bytes, nodes.ints(0), nodes.ints(headBytes)],
    { T, unit: attribute.string("BYTE") },
    { type: "string", shape: [] },
  );
  const raw = { out_type: attribute.type("uint8"), little_endian: attribute.bool(true) };
  const decoded = nodes.one("DecodeRaw", [part], raw, { type: "uint8", shape: [-1] });
  const attrs = { N: attribute.int(2), T: int32, Tidx: int32 };
  const inputs = [cast(nodes, decoded, "int32"), nodes.ints([0]), nodes.ints(0)];
  return nodes.one("ConcatV2", inputs, attrs, { type: "int32", shape: [-1] });
}

/** Whether at a place there is a segment that is neither EXIF's nor the pixels' beginning. */
function isBeforeExif(head: Head, at: Output): Output {
  const marker = head.at(head.plus(at, 1));
  const isSegment = head.both(
    head.equal(head.at(at), 0xff),
    head.not(head.equal(marker, startOfScan)),
  );
  return head.both(isSegment, head.not(head.isExif(at)));
}

/** Whether a byte FF is followed by another: before a marker there may be any number. */
function isFill(head: Head, at: Output): Output {
  return head.equal(head.at(head.plus(at, 1)), 0xff);
}

/** Bytes in a graph, and arithmetic with their places. Beyond their end, all are zero. */
class Head {
  /** @param bytes int32 `[n]`, the last of them zero */
  constructor(
    readonly nodes: NodeList,
    readonly bytes: Output,
  ) {}

  at(place: Output): Output {
    const { nodes } = this;
    const last = this.plus(row(nodes, shapeOf(nodes, this.bytes, 1), nodes.ints(0)), -1);
    const high = this.integer("Minimum", place, last, place.shape);
    const within = this.integer("Maximum", high, nodes.ints(0), place.shape);
    // A place before the beginning is none, as of an offset beyond int32.
    const value = gather(nodes, { table: this.bytes, indices: within }, place.shape);
    const isNegative = this.less(place, nodes.ints(0));
    return this.product(value, cast(nodes, this.not(isNegative), "int32"));
  }

  /** A whole number of so many bytes. @param little a bool, or undefined where the first is the highest */
  number(place: Output, size: number, little: Output | undefined): Output {
    const bytes = Array.from({ length: size }, (_, i) => this.at(this.plus(place, i)));
    const joined = (all: readonly Output[]) =>
      all.reduce((sum, byte) => this.sum(this.times(sum, 256), byte));
    const big = joined(bytes);
    if (little === undefined) return big;
    return this.either(little, joined(bytes.reverse()), big);
  }

  /** One of two of one shape. */
  either(condition: Output, a: Output, b: Output): Output {
    return this.nodes.one("SelectV2", [condition, a, b], { T: int32 }, a);
  }

  isExif(at: Output): Output {
    const found = [0xff, app1].map((byte, i) => this.equal(this.at(this.plus(at, i)), byte));
    const name = exif.map((byte, i) => this.equal(this.at(this.plus(at, 4 + i)), byte));
    return [...found, ...name].reduce((a, b) => this.both(a, b));
  }

  plus(a: Output, b: number): Output {
    return this.integer("AddV2", a, this.nodes.ints(b), a.shape);
  }

  /** Of a scalar and another, or of two of one shape. */
  sum(a: Output, b: Output): Output {
    return this.integer("AddV2", a, b, b.shape);
  }

  times(a: Output, b: number): Output {
    return this.integer("Mul", a, this.nodes.ints(b), a.shape);
  }

  product(a: Output, b: Output): Output {
    return this.integer("Mul", a, b, a.shape);
  }

  less(a: Output, b: Output): Output {
    const shape = a.shape?.length === 0 ? b.shape : a.shape;
    return this.nodes.one("Less", [a, b], { T: int32 }, { type: "bool", shape });
  }

  equal(a: Output, b: number): Output {
    const attrs = { T: int32, incompatible_shape_error: attribute.bool(true) };
    return this.nodes.one("Equal", [a, this.nodes.ints(b)], attrs, {
      type: "bool",
      shape: a.shape,
    });
  }

  both(a: Output, b: Output): Output {
    return this.logical("LogicalAnd", a, b);
  }

  any(a: Output, b: Output): Output {
    return this.logical("LogicalOr", a, b);
  }

  not(a: Output): Output {
    return this.nodes.one("LogicalNot", [a], {}, a);
  }

  /** Of a scalar and another, or of two of one shape. */
  private logical(op: string, a: Output, b: Output): Output {
    const shape = a.shape?.length === 0 ? b.shape : a.shape;
    return this.nodes.one(op, [a, b], {}, { type: "bool", shape });
  }

  private integer(op: string, a: Output, b: Output, shape: Output["shape"]): Output {
    return this.nodes.one(op, [a, b], { T: int32 }, { type: "int32", shape });
  }
}
