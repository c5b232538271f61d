/**
 * Every operator that has a StableHLO lowering, against TensorFlow's on the same values. All are one
 * program, so that the compiler is asked once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute } from "../../../src/graph/attributes.js";
import { GraphBuilder } from "../../../src/graph/graph-builder.js";
import type { Output } from "../../../src/graph/node-list.js";
import type { AttrValue } from "../../../src/graph/proto.js";
import { operators } from "../../../src/graph/stablehlo/operators.js";
import type { ElementType } from "../../../src/graph/types.js";
import { deviation, wave } from "../../engine/traced-gradients.js";
import { engine } from "../../engine-for-tests.js";
import { onBoth } from "./both-engines.js";

type Fed = Parameters<typeof onBoth>[1][string];

const builder = new GraphBuilder();
const feeds: Record<string, Fed> = {};
/** What is compared, in the order of the fetches `out/0` and so on: how, see `compared`. */
const checks: { readonly name: string; readonly tolerance: number }[] = [];

function fed(shape: number[], data?: readonly number[], mean = 0): Output {
  const name = `fed_${Object.keys(feeds).length}`;
  const made = wave(shape, Object.keys(feeds).length, mean);
  feeds[name] = { type: "float32", shape, data: data ? Float32Array.from(data) : made.data };
  return builder.placeholder(name, "float32", shape);
}

function fedIntegers(shape: number[], data: readonly number[]): Output {
  const name = `fed_${Object.keys(feeds).length}`;
  feeds[name] = { type: "int32", shape, data: Int32Array.from(data) };
  return builder.placeholder(name, "int32", shape);
}

function cast(x: Output, type: ElementType): Output {
  const attrs = {
    SrcT: attribute.type(x.type),
    DstT: attribute.type(type),
    Truncate: attribute.bool(false),
  };
  return builder.one("Cast", [x], attrs, { type, shape: x.shape });
}

/** A value to be compared: the largest difference, as a share of the largest magnitude; 0: none at all. */
function compared(name: string, value: Output, tolerance = 0): void {
  const fetch = `out/${checks.length}`;
  checks.push({ name, tolerance });
  builder.fetchable(fetch, value.type === "float32" ? value : cast(value, "float32"));
}

const T = (type: ElementType = "float32") => ({ T: attribute.type(type) });

function made(
  op: string,
  inputs: readonly Output[],
  attrs: Record<string, AttrValue>,
  shape: readonly number[] | undefined,
  type: ElementType = "float32",
): Output {
  return builder.one(op, inputs, attrs, { type, shape });
}

// Element by element.

for (const op of ["Exp", "Neg", "Square", "Relu", "Sigmoid", "Tanh", "ZerosLike"]) {
  const x = fed([3, 5]);
  compared(op, made(op, [x], T(), x.shape), 1e-6);
}
for (const op of ["Log", "Rsqrt", "Sqrt"]) {
  const x = fed([3, 5], undefined, 4);
  compared(op, made(op, [x], T(), x.shape), 1e-6);
}
for (const op of ["AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"]) {
  const [a, b] = [fed([2, 3, 4]), fed([3, 1], undefined, 4)];
  compared(op, made(op, [a, b], T(), a.shape), 1e-6);
}
for (const op of ["Equal", "Greater", "GreaterEqual"]) {
  const [a, b] = [fed([6], [1, 2, 3, Number.NaN, -0, 5]), fed([6], [3, 2, 1, Number.NaN, 0, 6])];
  const attrs = op === "Equal" ? { ...T(), incompatible_shape_error: attribute.bool(true) } : T();
  compared(op, made(op, [a, b], attrs, a.shape, "bool"));
}
{
  const x = fed([5], [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38]);
  compared("IsFinite", made("IsFinite", [x], T(), x.shape, "bool"));
  const y = fed([4], [-1, 0, Number.NaN, 2]);
  compared("Relu of no number", made("Relu", [y], T(), y.shape));
  const dy = fed([5]);
  const after = fed([5], [0, 1, -0, 2, 0]);
  compared("ReluGrad", made("ReluGrad", [dy, after], T(), dy.shape));
  const condition = made(
    "Greater",
    [fed([3, 1]), builder.constant("float32", [], [0])],
    T(),
    [3, 1],
    "bool",
  );
  const [a, b] = [fed([3, 4]), fed([])];
  compared("SelectV2", made("SelectV2", [condition, a, b], T(), a.shape));
  const three = [fed([2, 3]), fed([2, 3]), fed([2, 3])];
  compared("AddN", made("AddN", three, { ...T(), N: attribute.int(3) }, [2, 3]), 1e-6);
  compared("L2Loss", made("L2Loss", [fed([7, 11])], T(), []), 1e-5);
  compared("DeepCopy", made("DeepCopy", [fed([3])], T(), [3]));
}

// Reductions; a mean of a mean, and one that keeps its axes.

for (const op of ["Sum", "Mean", "Max"]) {
  const reduce = (x: Output, axes: number[], keep: boolean, shape: number[]) => {
    const attrs = { ...T(), Tidx: attribute.type("int32"), keep_dims: attribute.bool(keep) };
    return made(op, [x, builder.ints(axes)], attrs, shape);
  };
  const x = fed([3, 4, 5, 6]);
  compared(`${op} kept`, reduce(x, [1, 2], true, [3, 1, 1, 6]), 1e-5);
  const first = reduce(x, [1, 3], false, [3, 5]);
  compared(`${op} of ${op}`, reduce(first, [1], false, [3]), 1e-5);
  compared(`${op} of all`, reduce(x, [0, 1, 2, 3], false, []), 1e-4);
}
{
  const x = fed([3, 2], [1, 2, 1, Number.NaN, Number.POSITIVE_INFINITY, 1]);
  const finite = made("IsFinite", [x], T(), x.shape, "bool");
  const attrs = { keep_dims: attribute.bool(false), Tidx: attribute.type("int32") };
  compared("All", made("All", [finite, builder.ints([1])], attrs, [3], "bool"));
}

// Casts and narrow types: rounded to nearest, halves to even.

for (const type of ["bfloat16", "float16"] as const) {
  const x = fed([6], [1.00390625, 1.01171875, -3.1402, 65504, 1e-7, 0]);
  compared(`${type} and back`, cast(cast(x, type), "float32"));
  const [a, b] = [cast(fed([64]), type), cast(fed([64]), type)];
  // XLA may keep what a chain of operations gives in float32.
  const rounding = type === "bfloat16" ? 2 ** -8 : 2 ** -11;
  compared(`Mul of ${type}`, made("Mul", [a, b], T(type), [64], type), rounding);
  compared(
    `constant of ${type}`,
    made("AddV2", [a, builder.constant(type, [], [0.375])], T(type), [64], type),
    rounding,
  );
}
compared("int32 as float32", cast(fedIntegers([3], [-1, 0, 2 ** 24]), "float32"));

// Constants, and values moved about.

compared("Const", builder.constant("float32", [2, 3], [1, -2, 3e-39, 4, 5, 6]));
compared("Const of one", builder.constant("float32", [1, 1], [Math.fround(0.1)]));
compared("Const int32", builder.constant("int32", [2, 2], [1, -2, 3, 4]));
{
  const fill = { ...T(), index_type: attribute.type("int32") };
  const x = fed([2, 3, 4]);
  compared("Fill", made("Fill", [builder.ints([2, 3]), fed([])], fill, [2, 3]));
  const reshape = { ...T(), Tshape: attribute.type("int32") };
  compared("Reshape", made("Reshape", [x, builder.ints([4, 6])], reshape, [4, 6]));
  const transpose = { ...T(), Tperm: attribute.type("int32") };
  compared("Transpose", made("Transpose", [x, builder.ints([2, 0, 1])], transpose, [4, 2, 3]));
  const reverse = { ...T(), Tidx: attribute.type("int32") };
  compared("ReverseV2", made("ReverseV2", [x, builder.ints([2, 0])], reverse, [2, 3, 4]));
  const tile = { ...T(), Tmultiples: attribute.type("int32") };
  compared("Tile", made("Tile", [x, builder.ints([2, 1, 3])], tile, [4, 3, 12]));
  const amounts = builder.constant("int32", [3, 2], [1, 0, 0, 2, 3, 1]);
  const pad = { ...T(), Tpaddings: attribute.type("int32") };
  const filler = builder.constant("float32", [], [-7]);
  compared("PadV2", made("PadV2", [x, amounts, filler], pad, [3, 5, 8]));
  const slice = { ...T(), Index: attribute.type("int32") };
  const bounds = [builder.ints([0, 1, 2]), builder.ints([2, 2, 1])];
  compared("Slice", made("Slice", [x, ...bounds], slice, [2, 2, 1]));
  const identity = made("Identity", [x], T(), x.shape);
  compared("Identity", identity);
}
{
  const attrs = { ...T(), axis: attribute.int(-1), TI: attribute.type("int32") };
  const classes = fedIntegers([5], [0, 3, 2, 5, -1]);
  const [on, off] = [builder.constant("float32", [], [1]), builder.constant("float32", [], [0])];
  compared("OneHot", made("OneHot", [classes, builder.ints(4), on, off], attrs, [5, 4]));
  const gather = {
    batch_dims: attribute.int(0),
    Tparams: attribute.type("float32"),
    Tindices: attribute.type("int32"),
    Taxis: attribute.type("int32"),
  };
  const at = fedIntegers([4], [3, 0, 3, 1]);
  compared("GatherV2", made("GatherV2", [fed([4, 2, 3]), at, builder.ints(0)], gather, [4, 2, 3]));
  compared(
    "GatherV2 of rows",
    made("GatherV2", [fed([4, 7]), at, builder.ints(0)], gather, [4, 7]),
  );
  for (const [x, y] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const) {
    const [a, b] = [fed(x ? [5, 3] : [3, 5]), fed(y ? [4, 5] : [5, 4])];
    const adjoint = { ...T(), adj_x: attribute.bool(x), adj_y: attribute.bool(y) };
    compared(`BatchMatMulV2 ${x} ${y}`, made("BatchMatMulV2", [a, b], adjoint, [3, 4]), 1e-5);
  }
}
{
  const rows = [
    ...[1, 5, 5, 2, 5, 0],
    ...[0, -0, 0, -0, 0, -0],
    ...[-1, Number.NEGATIVE_INFINITY, 3, Number.POSITIVE_INFINITY, 3, -1],
  ];
  const attrs = {
    ...{ T: attribute.type("float32"), Tk: attribute.type("int32") },
    ...{ index_type: attribute.type("int32"), sorted: attribute.bool(true) },
  };
  const outputs = [
    { type: "float32", shape: [3, 5] },
    { type: "int32", shape: [3, 5] },
  ] as const;
  const places = builder.add("TopKV2", [fed([3, 6], rows), builder.ints(5)], attrs, outputs)[1]!;
  compared("TopKV2 with ties", places);
}

// Convolutions with their gradients: sizes, strides and paddings of every kind that models have.

interface Case {
  readonly size: readonly [number, number];
  readonly channels: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: "VALID" | "SAME" | readonly [number, number, number, number];
  /** Rows and columns of zeros that a node of its own adds before: top, bottom, left, right. */
  readonly before?: readonly [number, number, number, number];
  readonly type?: "float32" | "bfloat16";
}

const wide = { channels: [8, 6], kernel: [3, 3] } as const;
const root = { channels: [3, 5], kernel: [7, 7], stride: 2 } as const;
const three: readonly [number, number, number, number] = [3, 3, 3, 3];
const cases: readonly Case[] = [
  { ...wide, size: [7, 6], stride: 1, padding: "SAME" },
  { ...wide, size: [7, 6], stride: 1, padding: "VALID" },
  { ...wide, size: [8, 7], stride: 2, padding: "SAME" },
  { ...wide, size: [8, 7], stride: 2, padding: [1, 1, 1, 1] },
  { ...wide, size: [9, 8], stride: 2, padding: [1, 2, 0, 1] },
  { ...wide, size: [8, 9], stride: 2, padding: "VALID", before: [1, 1, 1, 1] },
  { ...wide, size: [7, 6], stride: 1, padding: "VALID", before: [1, 1, 2, 0] },
  { size: [5, 4], channels: [6, 7], kernel: [1, 1], stride: 1, padding: "VALID" },
  { size: [7, 6], channels: [6, 7], kernel: [1, 1], stride: 2, padding: "VALID" },
  { size: [8, 8], channels: [6, 4], kernel: [3, 2], stride: 3, padding: "SAME" },
  // The root: two by two pixels become one of four times the channels.
  { ...root, size: [16, 14], padding: "VALID", before: three },
  { ...root, size: [15, 13], padding: "VALID", before: three },
  { ...root, size: [16, 15], padding: three },
  { ...root, size: [17, 16], padding: "SAME" },
  { ...root, size: [12, 11], padding: "VALID" },
  {
    ...root,
    size: [12, 13],
    channels: [4, 3],
    kernel: [4, 5],
    padding: "VALID",
    before: [1, 2, 2, 1],
  },
  { ...root, size: [16, 16], padding: "VALID", before: three, type: "bfloat16" },
];

for (const [i, c] of cases.entries()) addConvolution(`${i}: ${JSON.stringify(c)}`, c);

function addConvolution(name: string, c: Case): void {
  const { channels, kernel, stride, padding, before, type = "float32" } = c;
  const explicit = typeof padding === "string" ? undefined : padding;
  const attrs = {
    T: attribute.type(type),
    strides: attribute.ints([1, stride, stride, 1]),
    use_cudnn_on_gpu: attribute.bool(true),
    padding: attribute.string(explicit === undefined ? (padding as string) : "EXPLICIT"),
    explicit_paddings: attribute.ints(explicit === undefined ? [] : [0, 0, ...explicit, 0, 0]),
    data_format: attribute.string("NHWC"),
    dilations: attribute.ints([1, 1, 1, 1]),
  };
  const narrow = (x: Output) => (type === "float32" ? x : cast(x, type));
  const [top = 0, bottom = 0, left = 0, right = 0] = before ?? [];
  const inner = fed([2, ...c.size, channels[0]]);
  const whole = [2, c.size[0] + top + bottom, c.size[1] + left + right, channels[0]];
  let x = inner;
  if (before !== undefined) {
    const amounts = builder.constant("int32", [4, 2], [0, 0, top, bottom, left, right, 0, 0]);
    const pad = { ...T(), Tpaddings: attribute.type("int32") };
    x = made("PadV2", [inner, amounts, builder.constant("float32", [], [0])], pad, whole);
  }
  x = narrow(x);
  const k = narrow(fed([...kernel, ...channels]));
  const sides = [0, 1].map((d) => {
    const size = whole[1 + d]!;
    if (padding === "SAME") return Math.ceil(size / stride);
    const added = explicit === undefined ? 0 : explicit[2 * d]! + explicit[2 * d + 1]!;
    return Math.floor((size + added - kernel[d]!) / stride) + 1;
  });
  const shape = [2, ...sides, channels[1]];
  const dy = narrow(fed(shape));
  // bfloat16: TensorFlow on a CPU sums in it too, some hundred products here.
  const tolerance = type === "float32" ? 1e-5 : 4e-2;
  compared(`Conv2D ${name}`, made("Conv2D", [x, k], attrs, shape, type), tolerance);
  const byKernel = [x, builder.ints([...kernel, ...channels]), dy];
  compared(
    `Conv2DBackpropFilter ${name}`,
    made("Conv2DBackpropFilter", byKernel, attrs, [...kernel, ...channels], type),
    tolerance,
  );
  const byInput = made("Conv2DBackpropInput", [builder.ints(whole), k, dy], attrs, whole, type);
  const bounds = [builder.ints([0, top, left, 0]), builder.ints([2, ...c.size, channels[0]])];
  const slice = { T: attribute.type(type), Index: attribute.type("int32") };
  const cut = made("Slice", [byInput, ...bounds], slice, inner.shape, type);
  compared(`Conv2DBackpropInput ${name}`, before === undefined ? byInput : cut, tolerance);
}

// Arrays side by side, and bits that are taken for another type's.

for (const [axis, other, shape] of [
  [0, [3, 3], [5, 3]],
  [1, [2, 4], [2, 7]],
  [-1, [2, 4], [2, 7]],
] as const) {
  const attrs = { ...T(), N: attribute.int(2), Tidx: attribute.type("int32") };
  const inputs = [fed([2, 3]), fed([...other]), builder.ints(axis)];
  compared(`ConcatV2 ${axis}`, made("ConcatV2", inputs, attrs, shape));
}
{
  const bits = fedIntegers([4], [0x3f800000, -0x40000000, 1, 0x7f7fffff]);
  const toFloat = { T: attribute.type("int32"), type: attribute.type("float32") };
  compared("Bitcast to float32", made("Bitcast", [bits], toFloat, [4]));
  const toInteger = { T: attribute.type("float32"), type: attribute.type("int32") };
  const x = fed([4], [1, -2.5, 0, 1e-3]);
  compared("Bitcast to int32", made("Bitcast", [x], toInteger, [4], "int32"));
}

// Maximum pooling: of equal values the first has the gradient.

for (const [size, window, stride] of [
  [[9, 8], 3, 2],
  [[8, 10], 3, 2],
  [[7, 7], 2, 2],
  [[6, 7], 3, 1],
  [[8, 8], 2, 3],
] as const) {
  const shape = [2, ...size, 3];
  const count = shape.reduce((a, b) => a * b, 1);
  // Few different values, so that windows have several maxima; zeros as after a Relu.
  const data = Array.from({ length: count }, (_, i) =>
    Math.max(0, Math.floor(4 * Math.sin(i * i))),
  );
  const x = fed(shape, data);
  const attrs = {
    ...T(),
    ksize: attribute.ints([1, window, window, 1]),
    strides: attribute.ints([1, stride, stride, 1]),
    padding: attribute.string("VALID"),
    explicit_paddings: attribute.ints([]),
    data_format: attribute.string("NHWC"),
  };
  const sides = size.map((side) => Math.floor((side - window) / stride) + 1);
  const y = made("MaxPool", [x], attrs, [2, ...sides, 3]);
  const name = `${size}, ${window} by ${stride}`;
  compared(`MaxPool ${name}`, y);
  compared(
    `MaxPoolGrad ${name}`,
    made("MaxPoolGrad", [x, y, fed([2, ...sides, 3])], attrs, shape),
    1e-6,
  );
}

// Images of a table, resized, cropped and mirrored: whole numbers, and native/kernels/ on the other side.

if (engine.target.native.host) {
  const levels = Array.from({ length: 3 * 6 * 7 * 3 }, (_, i) => (i * i * 31) % 256);
  const table = cast(fed([3, 6, 7, 3], levels), "uint8");
  const rows = fedIntegers([4], [2, 0, 2, 1]);
  const windows = fedIntegers([4, 3], [0, 0, 0, 2, 1, 1, 1, 2, 0, 2, 2, 1]);
  for (const side of [5, 7, 11]) {
    const attrs = { side: attribute.int(side), crop: attribute.int(side - 2) };
    const shape = [4, side - 2, side - 2, 3];
    const inputs = [table, rows, windows];
    compared(
      `BitGatherResizeCrop ${side}`,
      made("BitGatherResizeCrop", inputs, attrs, shape, "uint8"),
    );
  }
}

function unsigned(x: number): number {
  return x === 0 ? 0 : x;
}

const fetches = checks.map((_, i) => `out/${i}`);
const { tensorflow, xla } = await onBoth(builder, feeds, fetches);

for (const [i, { name, tolerance }] of checks.entries())
  test(name, () => {
    const [got, wanted] = [xla.get(`out/${i}`)!, tensorflow.get(`out/${i}`)!];
    // No sign of zero: TensorFlow multiplies by zero where a value is left out.
    if (tolerance === 0) assert.deepEqual(got.map(unsigned), wanted.map(unsigned));
    else assert.ok(deviation(got, wanted) <= tolerance, `${deviation(got, wanted)}`);
  });

test("no operator is left out", () => {
  // What processes do together is compared in test/engine/xla/ranks.test.ts.
  const left = /^Collective/;
  const native = engine.target.native.host;
  const used = new Set(builder.build().nodes.map(({ op }) => op));
  assert.deepEqual(
    Object.keys(operators).filter(
      (op) => !used.has(op) && !left.test(op) && (native || !/^Bit[A-Z]/.test(op)),
    ),
    [],
  );
});
