/**
 * Nodes in the order they are made: the body of a graph, or of a function inside one. A node's
 * inputs are outputs of earlier nodes, so a list is always a valid, acyclic program.
 */
import { float32ToFloat16 } from "../archive/float16.js";
import { attribute, shapeProto } from "./attributes.js";
import type { AttrValue, NodeDef } from "./proto.js";
import { type ElementType, typeNumber } from "./types.js";

/** One output of one node. `shape` is undefined where only the run will tell. */
export interface Output {
  readonly node: string;
  readonly index: number;
  readonly op: string;
  readonly type: ElementType;
  readonly shape: readonly number[] | undefined;
  /** Whether it is a kernel as our convolutions pack it, which nothing else takes. Default: false. */
  readonly packed?: boolean | undefined;
}

/** An output whose shape is known. */
export type ShapedOutput = Output & { readonly shape: readonly number[] };

export interface OutputSpec {
  readonly type: ElementType;
  readonly shape?: readonly number[] | undefined;
}

export interface NodeOptions {
  /** A readable stem of the node's name; the operation's name by default. */
  readonly name?: string;
  /** Nodes that must have run before this one. */
  readonly after?: readonly Output[];
  /** `cpu` pins the node to the host, also where there is a GPU. */
  readonly device?: "cpu";
}

/** A node with the types and shapes of what it gives, which TensorFlow's own form of a graph does not tell. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Output[];
  /** Nodes that must have run before this one. */
  readonly after: readonly Output[];
  readonly attrs: Readonly<Record<string, AttrValue>>;
  readonly outputs: readonly Output[];
}

/** What constants are made of. */
export type ConstantValues = readonly number[] | readonly boolean[] | readonly string[];

export abstract class NodeList {
  protected readonly nodes: NodeDef[] = [];
  protected readonly typedNodes: GraphNode[] = [];
  private readonly countByStem = new Map<string, number>();
  private readonly constants = new Map<string, ShapedOutput>();

  /** How a later node refers to `output`. Graphs and functions spell this differently. */
  protected abstract reference(output: Output): string;

  /** Number of nodes so far. */
  get size(): number {
    return this.nodes.length;
  }

  /**
   * Appends one operation of TensorFlow.
   * @param op its name in TensorFlow's registry
   * @param attrs every attribute that the operation declares without a default
   * @param outputs type and shape of each output, in the operation's order
   * @returns the node's outputs; an operation without any yields one pseudo-output for `after`
   */
  add(
    op: string,
    inputs: readonly Output[],
    attrs: Readonly<Record<string, AttrValue>>,
    outputs: readonly OutputSpec[],
    options: NodeOptions = {},
  ): [Output, ...Output[]] {
    const name = this.uniqueName(options.name ?? op);
    const input = inputs.map((output) => this.reference(output));
    for (const output of options.after ?? []) input.push(`^${output.node}`);
    const device = options.device === "cpu" ? { device: "/device:CPU:0" } : {};
    this.nodes.push({ name, op, input, ...device, attr: { ...attrs } });
    const result: Output[] = outputs.map((spec, index) => {
      return { node: name, index, op, type: spec.type, shape: spec.shape };
    });
    const after = options.after ?? [];
    this.typedNodes.push({ name, op, inputs, after, attrs, outputs: result });
    const none: Output = { node: name, index: -1, op, type: "variant", shape: undefined };
    return [result[0] ?? none, ...result.slice(1)];
  }

  /** `add` for the common case of an operation with one output. */
  one(
    op: string,
    inputs: readonly Output[],
    attrs: Readonly<Record<string, AttrValue>>,
    output: OutputSpec & Pick<ShapedOutput, "shape">,
    options?: NodeOptions,
  ): ShapedOutput;
  one(
    op: string,
    inputs: readonly Output[],
    attrs: Readonly<Record<string, AttrValue>>,
    output: OutputSpec,
    options?: NodeOptions,
  ): Output;
  one(
    op: string,
    inputs: readonly Output[],
    attrs: Readonly<Record<string, AttrValue>>,
    output: OutputSpec,
    options?: NodeOptions,
  ): Output {
    return this.add(op, inputs, attrs, [output], options)[0];
  }

  /** A small constant in row-major order. Equal constants share one node. */
  constant(type: ElementType, shape: readonly number[], values: ConstantValues): ShapedOutput {
    const key = `${type}|${shape.join()}|${values.join()}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const tensorShape = shapeProto(shape);
    const dtype = typeNumber[type];
    const tensor =
      type === "string"
        ? { dtype, tensorShape, stringVal: values.map((v) => new TextEncoder().encode(String(v))) }
        : { dtype, tensorShape, tensorContent: packed(type, values.map(Number)) };
    const attrs = { dtype: attribute.type(type), value: attribute.tensor(tensor) };
    const made = this.one("Const", [], attrs, { type, shape });
    this.constants.set(key, made);
    return made;
  }

  /** An int32 constant: a number becomes a scalar, a list a vector. */
  ints(values: number | readonly number[]): ShapedOutput {
    return typeof values === "number"
      ? this.constant("int32", [], [values])
      : this.constant("int32", [values.length], values);
  }

  private uniqueName(stem: string): string {
    const count = this.countByStem.get(stem) ?? 0;
    this.countByStem.set(stem, count + 1);
    return count === 0 ? stem : `${stem}_${count}`;
  }
}

function packed(type: ElementType, values: readonly number[]): Uint8Array {
  const typed = (() => {
    switch (type) {
      case "float32":
        return Float32Array.from(values);
      case "float64":
        return Float64Array.from(values);
      case "int32":
        return Int32Array.from(values);
      case "int64":
        return BigInt64Array.from(values, BigInt);
      case "uint8":
      case "bool":
        return Uint8Array.from(values);
      case "float16":
        return float32ToFloat16(Float32Array.from(values));
      case "bfloat16": {
        // The upper half of a float32, rounded to nearest even.
        const bits = new Uint32Array(Float32Array.from(values).buffer);
        return Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16);
      }
      default:
        throw new Error(`a constant of type ${type} is not supported`);
    }
  })();
  return new Uint8Array(typed.buffer);
}
