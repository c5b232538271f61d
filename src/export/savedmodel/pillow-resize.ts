/**
 * Pillow's antialiased bilinear resize of bytes as plain operations of TensorFlow, to the byte: the weights
 * of each pixel as a matrix, rounded to 22 bits as Pillow's are, and two products, each rounded to bytes.
 * Numbers are float64, which holds all sums exactly.
 * Source: Pillow's `Image.resize(size, BILINEAR)`, as native/kernels/resize.cc has it.
 */
import { attribute } from "../../graph/attributes.js";
import type { NodeList, Output } from "../../graph/node-list.js";
import { cast, pack, range, reshape, row, shapeOf, transpose } from "../../graph/ops.js";

const float64 = attribute.type("float64");

// Bits of the weights.
const precision = 2 ** 22;

/** Resizes uint8 `[H,W,3]` to `[side,side,3]`: float32, whole grey levels of 0 to 255. */
export function pillowResized(nodes: NodeList, image: Output, side: number): Output {
  const shape = shapeOf(nodes, image, 3);
  const [height, width] = [0, 1].map((axis) => row(nodes, shape, nodes.ints(axis)));
  const channelsFirst = transpose(nodes, image, nodes.ints([0, 2, 1]), [-1, 3, -1]);
  const rows = reshape(nodes, channelsFirst, [-1, -1], pack(nodes, [nodes.ints(-1), width!]));
  const across = product(
    nodes,
    { left: cast(nodes, rows, "float64"), right: weights(nodes, width!, side), transposed: true },
    [-1, side],
  ); // [3 H,side]
  const columns = reshape(nodes, levels(nodes, across), [-1, 3 * side]); // [H,3 side]
  const down = product(
    nodes,
    { left: weights(nodes, height!, side), right: columns, transposed: false },
    [side, 3 * side],
  );
  const made = reshape(nodes, levels(nodes, down), [side, 3, side]);
  const channelsLast = transpose(nodes, made, nodes.ints([0, 2, 1]), [side, side, 3]);
  return cast(nodes, channelsLast, "float32");
}

/**
 * The weights of `size` pixels, an int32 scalar, in each of `side` resized ones: float64 `[side,size]`, whole
 * multiples of 2^-22 times 2^22. A triangle of half width max(scale, 1) around each center, with sum 1.
 */
function weights(nodes: NodeList, size: Output, side: number): Output {
  const number = (value: number) => nodes.constant("float64", [], [value]);
  const scale = binary(nodes, "RealDiv", cast(nodes, size, "float64"), number(side), []);
  const widened = binary(nodes, "Maximum", scale, number(1), []);
  const inverse = binary(nodes, "RealDiv", number(1), widened, []);
  const middles = nodes.constant(
    "float64",
    [side, 1],
    Array.from({ length: side }, (_, i) => i + 0.5),
  );
  const centers = binary(nodes, "Mul", middles, scale, [side, 1]);
  const pixels = cast(nodes, range(nodes, [nodes.ints(0), size, nodes.ints(1)], -1), "float64");
  const all = [side, -1];
  const offsets = binary(
    nodes,
    "AddV2",
    binary(nodes, "Sub", pixels, centers, all),
    number(0.5),
    all,
  );
  const apart = unary(nodes, "Abs", binary(nodes, "Mul", offsets, inverse, all));
  const triangle = binary(
    nodes,
    "Maximum",
    binary(nodes, "Sub", number(1), apart, all),
    number(0),
    all,
  );
  const sumAttrs = {
    T: float64,
    Tidx: attribute.type("int32"),
    keep_dims: attribute.bool(true),
  };
  const sum = nodes.one("Sum", [triangle, nodes.ints([1])], sumAttrs, {
    type: "float64",
    shape: [side, 1],
  });
  const shares = binary(nodes, "RealDiv", triangle, sum, all);
  const scaled = binary(nodes, "Mul", shares, number(precision), all);
  return unary(nodes, "Floor", binary(nodes, "AddV2", scaled, number(0.5), all));
}

/** Sums of weighted bytes, times 2^22, as bytes: rounded, and at most 255. None is negative. */
function levels(nodes: NodeList, sums: Output): Output {
  const number = (value: number) => nodes.constant("float64", [], [value]);
  const half = binary(nodes, "AddV2", sums, number(precision / 2), sums.shape);
  const level = unary(
    nodes,
    "Floor",
    binary(nodes, "Mul", half, number(1 / precision), sums.shape),
  );
  return binary(nodes, "Minimum", level, number(255), sums.shape);
}

interface Product {
  readonly left: Output;
  readonly right: Output;
  /** Whether the right one is transposed. */
  readonly transposed: boolean;
}

function product(
  nodes: NodeList,
  { left, right, transposed }: Product,
  shape: readonly number[],
): Output {
  const attrs = {
    T: float64,
    transpose_a: attribute.bool(false),
    transpose_b: attribute.bool(transposed),
  };
  return nodes.one("MatMul", [left, right], attrs, { type: "float64", shape });
}

function binary(
  nodes: NodeList,
  op: string,
  a: Output,
  b: Output,
  shape: readonly number[] | undefined,
): Output {
  return nodes.one(op, [a, b], { T: float64 }, { type: "float64", shape });
}

function unary(nodes: NodeList, op: string, value: Output): Output {
  return nodes.one(op, [value], { T: float64 }, value);
}
