/**
 * TensorFlow's operations, as traces of models hold them, in StableHLO: one entry each. What has no
 * entry here stays on the host. Semantics: tensorflow/core/ops/ops.pbtxt.
 */
import { dividedMark } from "../ops.js";
import { typeOf } from "../types.js";
import { collectives } from "./collectives.js";
import { convolutions, croppedInputGradient } from "./convolution.js";
import { gather } from "./gather.js";
import { attr, input, type Operator, shapeOf } from "./operator.js";
import { pooling } from "./pooling.js";
import { gatherResizeCrop } from "./resize-crop.js";
import { shardingText, tensorType, type Value } from "./values.js";

const unary = (op: string): Operator => {
  return ({ emitter, value }, node) => emitter.unary(op, value(input(node, 0)));
};

const binary = (op: string): Operator => {
  return ({ emitter, value }, node) => {
    return emitter.binary(op, value(input(node, 0)), value(input(node, 1)));
  };
};

const comparison = (direction: string): Operator => {
  return ({ emitter, value }, node) => {
    return emitter.compare(direction, value(input(node, 0)), value(input(node, 1)));
  };
};

const reduction = (op: "add" | "maximum" | "and", mean = false): Operator => {
  return ({ emitter, value, integers, node: nodeOf }, node) => {
    const given = value(input(node, 0));
    // XLA would make a sum of sums one large sum, and read once more what was summed up.
    const again = nodeOf(input(node, 0)).op === node.op;
    const x = again ? emitter.barrier([given])[0]! : given;
    const axes = integers(input(node, 1));
    const made = emitter.reduce(op, x, axes, attr(node, "keep_dims", "b"));
    if (!mean) return made;
    const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
    return emitter.binary("multiply", made, emitter.constant(1 / count, x.type));
  };
};

const pass: Operator = ({ value }, node) => value(input(node, 0));

/** The places of the k largest of the values in `x` `[N,K]`, best first, of equal ones the first: `[N,k]`. */
const topPlaces: Operator = ({ emitter, value, integers }, node) => {
  const given = value(input(node, 0));
  // To the total order, in which no number has its place too, the two zeros are not equal.
  const zero = emitter.constant(0, given.type);
  const x = emitter.select(emitter.compare("EQ", given, zero), zero, given);
  const k = integers(input(node, 1))[0]!;
  const places = emitter.iota({ shape: x.shape, type: "int32" }, 1);
  const id = emitter.fresh();
  const scalar = tensorType({ shape: [], type: x.type });
  emitter.raw(`${id}:2 = "stablehlo.sort"(${x.id}, ${places.id}) ({`);
  emitter.raw(`^bb0(%a: ${scalar}, %b: ${scalar}, %i: tensor<i32>, %j: tensor<i32>):`);
  emitter.raw(
    `  %first = stablehlo.compare GT, %a, %b, TOTALORDER : (${scalar}, ${scalar}) -> tensor<i1>`,
  );
  emitter.raw("  stablehlo.return %first : tensor<i1>");
  const types = `${tensorType(x)}, ${tensorType(places)}`;
  emitter.raw(`}) {dimension = 1 : i64, is_stable = true} : (${types}) -> (${types})`);
  return emitter.slice({ ...places, id: `${id}#1` }, [0, 0], [x.shape[0]!, k]);
};

/** Operators by their names in TensorFlow. */
export const operators: Readonly<Record<string, Operator>> = {
  ...convolutions,
  ...pooling,
  ...collectives,
  AddV2: binary("add"),
  Sub: binary("subtract"),
  Mul: binary("multiply"),
  RealDiv: binary("divide"),
  Maximum: binary("maximum"),
  Minimum: binary("minimum"),
  Exp: unary("exponential"),
  Log: unary("log"),
  Neg: unary("negate"),
  Rsqrt: unary("rsqrt"),
  Sigmoid: unary("logistic"),
  Sqrt: unary("sqrt"),
  Tanh: unary("tanh"),
  IsFinite: ({ emitter, value }, node) => {
    const x = value(input(node, 0));
    const spec = { shape: x.shape, type: "bool" } as const;
    return emitter.emit(
      `stablehlo.is_finite ${x.id} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  },
  Equal: comparison("EQ"),
  Greater: comparison("GT"),
  GreaterEqual: comparison("GE"),
  Sum: reduction("add"),
  Mean: reduction("add", true),
  Max: reduction("maximum"),
  All: reduction("and"),
  Square: ({ emitter, value }, node) => {
    const x = value(input(node, 0));
    return emitter.binary("multiply", x, x);
  },
  L2Loss: ({ emitter, value }, node) => {
    const x = value(input(node, 0));
    const axes = x.shape.map((_, i) => i);
    const total = emitter.reduce("add", emitter.binary("multiply", x, x), axes);
    return emitter.binary("multiply", total, emitter.constant(0.5, x.type));
  },
  AddN: ({ emitter, value }, node) => {
    return node.inputs.map(value).reduce((sum, x) => emitter.binary("add", sum, x));
  },
  Relu: ({ emitter, value }, node) => {
    const x = value(input(node, 0));
    return emitter.binary("maximum", x, emitter.constant(0, x.type));
  },
  ReluGrad: ({ emitter, value }, node) => {
    const [dy, y] = [value(input(node, 0)), value(input(node, 1))];
    const zero = emitter.constant(0, y.type);
    return emitter.select(emitter.compare("GT", y, zero), dy, emitter.constant(0, dy.type));
  },
  SelectV2: ({ emitter, value }, node) => {
    const [condition, a, b] = [0, 1, 2].map((i) => value(input(node, i))) as [Value, Value, Value];
    return emitter.select(condition, a, b);
  },
  Cast: ({ emitter, value }, node) => {
    return emitter.convert(value(input(node, 0)), typeOf(attr(node, "DstT", "type")));
  },
  // Of types of one size.
  Bitcast: ({ emitter, value }, node) => {
    const x = value(input(node, 0));
    const spec = { shape: x.shape, type: typeOf(attr(node, "type", "type")) };
    return emitter.emit(
      `stablehlo.bitcast_convert ${x.id} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  },
  DeepCopy: pass,
  Identity: ({ emitter, value, node: nodeOf, partitions }, node) => {
    const x = value(input(node, 0));
    if (dividedMark in node.attrs && partitions > 1)
      return emitter.emit(
        `stablehlo.custom_call @Sharding(${x.id}) {mhlo.sharding = "${shardingText(x.shape, partitions)}"} : (${tensorType(x)}) -> ${tensorType(x)}`,
        x,
      );
    // What is kept back until something else is computed: see `After` in kernels.ts. Variables are
    // there anyway, and what is made of them is to be made once.
    const [other] = node.after;
    if (other === undefined || nodeOf(input(node, 0)).op === "ReadVariableOp") return x;
    return emitter.barrier([x, value(other)])[0]!;
  },
  Const: ({ emitter }, node) => {
    const { tensorContent } = attr(node, "value", "tensor");
    if (tensorContent === undefined) throw new Error(`${node.name} has no numbers`);
    const { type } = node.outputs[0]!;
    return emitter.dense(tensorContent, { shape: shapeOf(node), type });
  },
  Fill: ({ emitter, value }, node) => emitter.broadcastTo(value(input(node, 1)), shapeOf(node)),
  ZerosLike: ({ emitter }, node) => {
    return emitter.broadcastTo(emitter.constant(0, node.outputs[0]!.type), shapeOf(node));
  },
  Reshape: ({ emitter, value }, node) => emitter.reshape(value(input(node, 0)), shapeOf(node)),
  Transpose: ({ emitter, value, integers }, node) => {
    return emitter.transpose(value(input(node, 0)), integers(input(node, 1)));
  },
  ReverseV2: ({ emitter, value, integers }, node) => {
    const x = value(input(node, 0));
    const axes = integers(input(node, 1)).join(", ");
    return emitter.emit(`stablehlo.reverse ${x.id}, dims = [${axes}] : ${tensorType(x)}`, x);
  },
  Tile: ({ emitter, value, integers }, node) => {
    const x = value(input(node, 0));
    const times = integers(input(node, 1));
    const apart = x.shape.flatMap((size, i) => [times[i]!, size]);
    const dims = x.shape.map((_, i) => 2 * i + 1);
    return emitter.reshape(emitter.broadcast(x, apart, dims), shapeOf(node));
  },
  PadV2: ({ emitter, value, integers }, node) => {
    const amounts = integers(input(node, 1));
    const low = amounts.filter((_, i) => i % 2 === 0);
    const high = amounts.filter((_, i) => i % 2 === 1);
    return emitter.pad(value(input(node, 0)), value(input(node, 2)), low, high);
  },
  Slice: (lowering, node) => {
    const { emitter, value, integers } = lowering;
    const begin = integers(input(node, 1));
    const shape = shapeOf(node);
    const producer = lowering.node(input(node, 0));
    if (producer.op === "Conv2DBackpropInput")
      return croppedInputGradient(lowering, producer, begin, shape);
    return emitter.slice(
      value(input(node, 0)),
      begin,
      begin.map((from, i) => from + shape[i]!),
    );
  },
  OneHot: ({ emitter, value }, node) => {
    const shape = shapeOf(node);
    const at = value(input(node, 0));
    const places = emitter.iota({ shape, type: "int32" }, shape.length - 1);
    const known = emitter.broadcast(
      at,
      shape,
      at.shape.map((_, i) => i),
    );
    const [on, off] = [value(input(node, 2)), value(input(node, 3))];
    return emitter.select(emitter.compare("EQ", known, places), on, off);
  },
  GatherV2: ({ emitter, value, integers }, node) => {
    if (integers(input(node, 2))[0] !== 0)
      throw new Error(`${node.name}: gathers along axis 0 only`);
    const [x, at] = [value(input(node, 0)), value(input(node, 1))];
    const places = emitter.reshape(at, [...at.shape, 1]);
    const offsets = x.shape.slice(1).map((_, i) => i + at.shape.length);
    return gather(emitter, { x, at: places }, { along: [0] }, offsets);
  },
  BatchMatMulV2: ({ emitter, value }, node) => {
    const [a, b] = [value(input(node, 0)), value(input(node, 1))];
    if (a.shape.length !== 2 || b.shape.length !== 2)
      throw new Error(`${node.name}: matrices only`);
    return emitter.dot(a, b, [
      [attr(node, "adj_x", "b") ? 0 : 1],
      [attr(node, "adj_y", "b") ? 1 : 0],
    ]);
  },
  ConcatV2: ({ emitter, value, integers }, node) => {
    const parts = node.inputs.slice(0, -1).map(value);
    const [axis = 0] = integers(input(node, parts.length));
    return emitter.concatenate(parts, axis < 0 ? axis + parts[0]!.shape.length : axis);
  },
  TopKV2: topPlaces,
  BitGatherResizeCrop: gatherResizeCrop,
};
