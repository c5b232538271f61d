/**
 * Writes the body of a StableHLO function as text, an operation a line. Source for the syntax:
 * openxla/stablehlo docs/spec.md; the pretty forms of its operations, as `stablehlo-opt` prints them.
 */
import { sameShape, sizeOf } from "../../archive/shape.js";
import type { ElementType } from "../types.js";
import { broadcastShape, list, literal, tensorType, type Value, type ValueSpec } from "./values.js";

/** Where a convolution's window goes; one entry for height, one for width. */
export interface Window {
  readonly stride?: readonly [number, number];
  /** Rows or columns of zeros before and after. */
  readonly pad: readonly (readonly [number, number])[];
  /** Zeros are put between the input's values. */
  readonly inputDilation?: readonly [number, number];
  /** Zeros are put between the kernel's values. */
  readonly kernelDilation?: readonly [number, number];
}

export class Emitter {
  private readonly lines: string[] = [];
  private count = 0;
  private readonly scalars = new Map<string, Value>();

  /**
   * @param precision `HIGHEST` keeps float32 products exact where a device would round their factors
   *   (TF32); default: the device's own
   */
  constructor(readonly precision: "DEFAULT" | "HIGHEST" = "DEFAULT") {}

  /** The function's body, a line an operation, indented by `indent`. */
  text(indent: string): string {
    return this.lines.map((line) => indent + line).join("\n");
  }

  raw(line: string): void {
    this.lines.push(line);
  }

  fresh(): string {
    return `%${this.count++}`;
  }

  /** Appends an operation with one result. */
  emit(operation: string, result: ValueSpec): Value {
    const id = this.fresh();
    this.raw(`${id} = ${operation}`);
    return { id, shape: result.shape, type: result.type };
  }

  /** One number, as a scalar. Equal ones are one value. */
  constant(number: number, type: ElementType): Value {
    const key = `${type} ${number}`;
    const known = this.scalars.get(key);
    if (known !== undefined) return known;
    const spec = { shape: [], type };
    const made = this.emit(
      `stablehlo.constant dense<${literal(number, type)}> : ${tensorType(spec)}`,
      spec,
    );
    this.scalars.set(key, made);
    return made;
  }

  /** Row-major values by their bytes, little-endian. */
  dense(bytes: Uint8Array, spec: ValueSpec): Value {
    const type = tensorType(spec);
    if (sizeOf(spec.shape) === 0) return this.emit(`stablehlo.constant dense<[]> : ${type}`, spec);
    if (spec.type === "bool") {
      const words = Array.from(bytes, (byte) => String(byte !== 0));
      const text = spec.shape.length === 0 ? words[0]! : list(words);
      if (spec.shape.length > 1) throw new Error("no constants of bool with several dimensions");
      return this.emit(`stablehlo.constant dense<${text}> : ${type}`, spec);
    }
    if (spec.type === "float32" && bytes.length === 4) {
      const [number] = new Float32Array(Uint8Array.from(bytes).buffer);
      return this.reshape(this.constant(number!, "float32"), spec.shape);
    }
    const hex = Buffer.from(bytes).toString("hex").toUpperCase();
    return this.emit(`stablehlo.constant dense<"0x${hex}"> : ${type}`, spec);
  }

  /** `x` along the dimensions `dims` of `shape`, the same along the others. */
  broadcast(x: Value, shape: readonly number[], dims: readonly number[]): Value {
    if (sameShape(x.shape, shape)) return x;
    const spec = { shape, type: x.type };
    return this.emit(
      `stablehlo.broadcast_in_dim ${x.id}, dims = ${list(dims)} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  /** As numpy broadcasts: dimensions are matched from the last one on. */
  broadcastTo(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.shape, shape)) return x;
    const offset = shape.length - x.shape.length;
    // A dimension of 1 that grows is dropped first: an axis is broadcast whole or not at all.
    const kept = x.shape.flatMap((size, i) => (size === 1 && shape[i + offset] !== 1 ? [] : [i]));
    const squeezed = this.reshape(
      x,
      kept.map((i) => x.shape[i]!),
    );
    return this.broadcast(
      squeezed,
      shape,
      kept.map((i) => i + offset),
    );
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.shape, shape)) return x;
    const spec = { shape, type: x.type };
    return this.emit(`stablehlo.reshape ${x.id} : (${tensorType(x)}) -> ${tensorType(spec)}`, spec);
  }

  transpose(x: Value, order: readonly number[]): Value {
    const spec = { shape: order.map((axis) => x.shape[axis]!), type: x.type };
    return this.emit(
      `stablehlo.transpose ${x.id}, dims = ${list(order)} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  convert(x: Value, type: ElementType): Value {
    if (x.type === type) return x;
    const spec = { shape: x.shape, type };
    return this.emit(`stablehlo.convert ${x.id} : (${tensorType(x)}) -> ${tensorType(spec)}`, spec);
  }

  /** An element-wise operation of one argument, as in `exponential`. */
  unary(op: string, x: Value): Value {
    return this.emit(`stablehlo.${op} ${x.id} : ${tensorType(x)}`, x);
  }

  /** An element-wise operation of two arguments of one type that broadcast, as in `add`. */
  binary(op: string, a: Value, b: Value): Value {
    const shape = broadcastShape(a.shape, b.shape);
    const [x, y] = [this.broadcastTo(a, shape), this.broadcastTo(b, shape)];
    return this.emit(`stablehlo.${op} ${x.id}, ${y.id} : ${tensorType(x)}`, x);
  }

  /** @param direction EQ, NE, GE, GT, LE or LT */
  compare(direction: string, a: Value, b: Value): Value {
    const shape = broadcastShape(a.shape, b.shape);
    const [x, y] = [this.broadcastTo(a, shape), this.broadcastTo(b, shape)];
    const spec: ValueSpec = { shape, type: "bool" };
    return this.emit(
      `stablehlo.compare ${direction}, ${x.id}, ${y.id} : (${tensorType(x)}, ${tensorType(y)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  select(condition: Value, a: Value, b: Value): Value {
    const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape));
    const [c, x, y] = [condition, a, b].map((value) => this.broadcastTo(value, shape)) as [
      Value,
      Value,
      Value,
    ];
    return this.emit(
      `stablehlo.select ${c.id}, ${x.id}, ${y.id} : ${tensorType(c)}, ${tensorType(x)}`,
      x,
    );
  }

  /** @param op `add`, `maximum` or `and` */
  reduce(op: string, x: Value, axes: readonly number[], keepDims = false): Value {
    const start = op === "add" ? 0 : op === "and" ? 1 : Number.NEGATIVE_INFINITY;
    const init = this.constant(start, x.type);
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    const spec = { shape, type: x.type };
    const made = this.emit(
      `stablehlo.reduce(${x.id} init: ${init.id}) applies stablehlo.${op} across dimensions = ${list(axes)} : (${tensorType(x)}, ${tensorType(init)}) -> ${tensorType(spec)}`,
      spec,
    );
    if (!keepDims) return made;
    return this.reshape(
      made,
      x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
    );
  }

  /** Adds `low` and `high` values of `filler` at each dimension's ends; negative ones take away. */
  pad(x: Value, filler: Value, low: readonly number[], high: readonly number[]): Value {
    const none = low.map(() => 0);
    const shape = x.shape.map((size, i) => size + low[i]! + high[i]!);
    const spec = { shape, type: x.type };
    return this.emit(
      `stablehlo.pad ${x.id}, ${filler.id}, low = ${list(low)}, high = ${list(high)}, interior = ${list(none)} : (${tensorType(x)}, ${tensorType(filler)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  /** From `begin` to before `end`, every `stride`th value of each dimension. */
  slice(
    x: Value,
    begin: readonly number[],
    end: readonly number[],
    stride: readonly number[] = begin.map(() => 1),
  ): Value {
    const shape = begin.map((from, i) => Math.ceil((end[i]! - from) / stride[i]!));
    if (sameShape(shape, x.shape)) return x;
    const spec = { shape, type: x.type };
    const ranges = begin.map((from, i) => {
      return `${from}:${end[i]}${stride[i] === 1 ? "" : `:${stride[i]}`}`;
    });
    return this.emit(
      `stablehlo.slice ${x.id} ${list(ranges)} : (${tensorType(x)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  concatenate(parts: readonly Value[], axis: number): Value {
    const first = parts[0]!;
    if (parts.length === 1) return first;
    const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const shape = first.shape.map((size, i) => (i === axis ? total : size));
    const spec = { shape, type: first.type };
    return this.emit(
      `stablehlo.concatenate ${parts.map(({ id }) => id).join(", ")}, dim = ${axis} : (${parts.map(tensorType).join(", ")}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  reverse(x: Value, axes: readonly number[]): Value {
    return this.emit(`stablehlo.reverse ${x.id}, dims = ${list(axes)} : ${tensorType(x)}`, x);
  }

  /** The index along `axis`. */
  iota(spec: ValueSpec, axis: number): Value {
    return this.emit(`stablehlo.iota dim = ${axis} : ${tensorType(spec)}`, spec);
  }

  /** The sum over products along `contracted` dimensions; the others of `a`, then of `b`, remain. */
  dot(a: Value, b: Value, contracted: readonly [readonly number[], readonly number[]]): Value {
    const left = a.shape.filter((_, i) => !contracted[0].includes(i));
    const right = b.shape.filter((_, i) => !contracted[1].includes(i));
    const spec = { shape: [...left, ...right], type: a.type };
    const exact = `precision = [${this.precision}, ${this.precision}]`;
    return this.emit(
      `stablehlo.dot_general ${a.id}, ${b.id}, contracting_dims = ${list(contracted[0])} x ${list(contracted[1])}, ${exact} : (${tensorType(a)}, ${tensorType(b)}) -> ${tensorType(spec)}`,
      spec,
    );
  }

  /** @param dims which dimension is which, as in `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]` */
  convolution(x: Value, kernel: Value, dims: string, window: Window, result: ValueSpec): Value {
    const { stride = [1, 1], pad, inputDilation = [1, 1], kernelDilation = [1, 1] } = window;
    const where = `{stride = ${list(stride)}, pad = ${list(pad.map(list))}, lhs_dilate = ${list(inputDilation)}, rhs_dilate = ${list(kernelDilation)}}`;
    const p = `#stablehlo<precision ${this.precision}>`;
    return this.emit(
      `stablehlo.convolution(${x.id}, ${kernel.id}) dim_numbers = ${dims}, window = ${where} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [${p}, ${p}]} : (${tensorType(x)}, ${tensorType(kernel)}) -> ${tensorType(result)}`,
      result,
    );
  }

  /** The same values, which no optimization looks through; all are computed before any is used. */
  barrier(values: readonly Value[]): Value[] {
    const id = this.fresh();
    const types = values.map(tensorType).join(", ");
    const ids = values.map((value) => value.id).join(", ");
    if (values.length === 1) {
      this.raw(`${id} = stablehlo.optimization_barrier ${ids} : ${types}`);
      return [{ ...values[0]!, id }];
    }
    this.raw(`${id}:${values.length} = stablehlo.optimization_barrier ${ids} : ${types}`);
    return values.map((value, i) => ({ ...value, id: `${id}#${i}` }));
  }
}
